"""How much an open alert is worth a call now: points that add up, each said with it.

| part | points | of |
|---|---|---|
| severity | 5, 25, 50 | info, warning, critical |
| risk | 0 to 20 | the churn risk; half where it isn't known |
| money | 0 to 15 | MRR over MRR plus the median of those ranked; half where it isn't known |
| freshness | 0 to 15 | half is gone after about an hour, the rest halves every three days |
| spoken | -20 | somebody has spoken with them since |
| cap | -30 | contacted as often as allowed already; not for cancel intent |

So critical comes before warning before info unless much speaks against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp2
from statistics import median
from typing import Final, Literal

from healthsvc.core.instants import DAY_US

PartName = Literal["severity", "risk", "money", "freshness", "spoken", "cap"]
SEVERITY: Final = {"critical": 50.0, "warning": 25.0, "info": 5.0}
RISK, MONEY, FRESHNESS, SPOKEN, CAP = 20.0, 15.0, 15.0, -20.0, -30.0
MINUTES_US: Final = DAY_US // 24
DAYS_US: Final = 3 * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What is known of one alert and its customer."""

    severity: str
    risk: float | None
    mrr: float | None
    age_us: int
    """Since its cause happened."""
    spoken_since: bool
    over_cap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPart:
    part: PartName
    points: float
    value: str | float | None
    """The severity, risk, money a month, or age in seconds, that it comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    points: float
    parts: tuple[RankPart, ...]


def ranks(worths: Sequence[Worth]) -> list[Rank]:
    """The rank of each, in the order given."""
    paid = [w.mrr for w in worths if w.mrr is not None and w.mrr > 0]
    typical = median(paid) if paid else 1.0
    return [_rank(worth, typical) for worth in worths]


def _rank(worth: Worth, typical: float) -> Rank:
    mrr = worth.mrr
    money = 0.5 if mrr is None else max(mrr, 0.0) / (max(mrr, 0.0) + typical)
    fresh = (exp2(-worth.age_us / MINUTES_US) + exp2(-worth.age_us / DAYS_US)) / 2
    parts = [
        RankPart(part="severity", points=SEVERITY.get(worth.severity, 0.0), value=worth.severity),
        RankPart(
            part="risk", points=RISK * (0.5 if worth.risk is None else worth.risk), value=worth.risk
        ),
        RankPart(part="money", points=MONEY * money, value=mrr),
        RankPart(part="freshness", points=FRESHNESS * fresh, value=worth.age_us / 1e6),
    ]
    if worth.spoken_since:
        parts.append(RankPart(part="spoken", points=SPOKEN, value=None))
    if worth.over_cap:
        parts.append(RankPart(part="cap", points=CAP, value=None))
    points = tuple(RankPart(part=p.part, points=round(p.points, 2), value=p.value) for p in parts)
    return Rank(points=round(sum(p.points for p in points), 2), parts=points)
