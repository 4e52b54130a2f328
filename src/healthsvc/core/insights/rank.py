"""How much a call is worth now: money at stake x urgency x chance to save, each said with it.

| part | factor | from |
|---|---|---|
| money | 0.6 to 1.4 | square root of MRR over the median of those ranked; 1 if unknown |
| urgency | 0 to 1 | what stands now: the most urgent cause, by severity and age, and the band |
| chance | 0 to 1 | time since the last act; less after a talk, many contacts, a notice |

Points are 100 times the product. They order a list; they aren't a probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp2, sqrt
from statistics import median
from typing import Final, Literal

from healthsvc.core.instants import DAY_US

PartName = Literal["money", "urgency", "chance"]
SEVERITY: Final = {"critical": 0.95, "warning": 0.2, "info": 0.05}
"""The urgency of a cause that began just now."""
IN_THE_BEST_BAND: Final = 0.5
"""What a cause that isn't critical counts for while the health doesn't show it."""
WORST_BAND: Final = 0.4
"""The urgency of the worst band alone."""
LEAST_MONEY, MOST_MONEY = 0.6, 1.4
HOUR_US: Final = DAY_US // 24
AGE_US: Final = 3 * DAY_US
QUIET_FROM_US: Final = 7 * DAY_US
QUIET_HALVED_US: Final = 45 * DAY_US
LEAST_CHANCE: Final = 0.15
SPOKEN, CAP, NOTICE = 0.5, 0.4, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What is known of one customer and of what stands with it."""

    mrr: float | None
    severity: str | None
    """Of the most urgent cause; None: only the band speaks."""
    age_us: int
    """Since that cause began."""
    band_depth: float
    """0 in the best band, 1 in the worst."""
    quiet_us: int | None
    """Since the customer did something last; None: it never did."""
    spoken_since: bool = False
    over_cap: bool = False
    notice_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPart:
    """One factor, and what it comes from: MRR, severity, or days since the last act."""

    part: PartName
    factor: float
    value: str | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    points: float
    parts: tuple[RankPart, ...]
    worth: Worth


def ranks(worths: Sequence[Worth]) -> list[Rank]:
    """The rank of each, in the order given."""
    paid = [w.mrr for w in worths if w.mrr is not None and w.mrr > 0]
    typical = median(paid) if paid else 1.0
    return [_rank(worth, typical) for worth in worths]


def urgency_of(severity: str | None, age_us: int, band_depth: float) -> float:
    """How soon somebody should call, 0 to 1: a cause loses half of its urgency within a week, most
    of that in its first hours; the band adds to it."""
    if severity is None:
        return WORST_BAND * band_depth
    freshness = (exp2(-age_us / HOUR_US) + exp2(-age_us / AGE_US)) / 2
    cause = SEVERITY.get(severity, 0.0) * (1 + freshness) / 2
    if band_depth == 0 and severity != "critical":
        cause *= IN_THE_BEST_BAND
    return 1 - (1 - cause) * (1 - WORST_BAND * band_depth)


def _rank(worth: Worth, typical: float) -> Rank:
    money = 1.0
    if worth.mrr is not None:
        money = min(max(sqrt(max(worth.mrr, 0.0) / typical), LEAST_MONEY), MOST_MONEY)
    urgency = urgency_of(worth.severity, worth.age_us, worth.band_depth)
    chance = _chance(worth)
    days = None if worth.quiet_us is None else round(worth.quiet_us / DAY_US, 1)
    return Rank(
        points=round(100 * money * urgency * chance, 2),
        parts=(
            RankPart(part="money", factor=round(money, 3), value=worth.mrr),
            RankPart(part="urgency", factor=round(urgency, 3), value=worth.severity),
            RankPart(part="chance", factor=round(chance, 3), value=days),
        ),
        worth=worth,
    )


def _chance(worth: Worth) -> float:
    """How likely a call still helps, 0 to 1, as the field judges it."""
    chance = 0.5
    if worth.quiet_us is not None:
        beyond = max(0, worth.quiet_us - QUIET_FROM_US)
        chance = max(exp2(-beyond / QUIET_HALVED_US), LEAST_CHANCE)
    for factor, holds in (
        (SPOKEN, worth.spoken_since),
        (CAP, worth.over_cap),
        (NOTICE, worth.notice_given),
    ):
        chance *= factor if holds else 1.0
    return chance
