"""Signs: single things that are known of a customer and say something, each with its value and its
instant.

They look at a state alone, cost nothing until somebody asks, and leave out what the scorecard
doesn't keep.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp2, inf, isfinite, isinf, isnan
from typing import Final

from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.surveys import Survey
from healthsvc.core.scoring import money
from healthsvc.core.scoring.money import IDLE, MoneySign
from healthsvc.core.scoring.view import View

RECENT_US: Final = 90 * DAY_US
"""An answer or a look at the cancel page older than this says nothing about today."""
FALLING, RISING = 0.8, 1.25
"""Today's use over the long-standing one: below the first it falls, above the second it rises."""
USES_NEEDED: Final = 10
FULL: Final = 0.9
"""Share of the seats in use from which they are nearly full."""
SETTLING_US: Final = 60 * DAY_US
"""Nobody is told to buy less in the first weeks, when much is not set up yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """`measure`: the measure, fact or page kind that it was read from."""

    sign: str
    measure: str
    value: float
    """A share, an answer, a count or an amount of money, as the sign has it."""
    since_us: int
    """When it was last said or began."""


def present(signs: Iterable[Signal | None]) -> tuple[Signal, ...]:
    return tuple(sign for sign in signs if sign is not None)


def known(view: View, row: int, fact: str) -> float | None:
    """A fact of one row; None where nobody said."""
    value = view.fact_of(fact, row)
    return None if isnan(value) else value


def column(view: View, measure: str) -> int | None:
    """The measure's place; None in a scorecard without it."""
    names = view.program.measures
    return names.index(measure) if measure in names else None


def recent(view: View, row: int, since: float) -> bool:
    return since > 0 and float(view.now_us[row]) - since < RECENT_US


def use_ratio(view: View, row: int) -> tuple[float, int] | None:
    """Today's rate of use over the long-standing one, and when it was used last; None with too few
    uses.

    Both rates are divided by how far their sums can have filled since the first event; otherwise
    every new customer would seem to use more and more.
    """
    measure = column(view, "feature_use")
    if measure is None or float(view.count(measure)[row]) < USES_NEEDED:
        return None
    lives = view.program.half_lives_us
    age = float(view.now_us[row]) - view.fact_of("first_seen", row)
    if age < lives[0]:
        return None
    short, long = (
        view.rate_of(row, measure, i) / (1.0 - exp2(-age / lives[i])) for i in (0, len(lives) - 1)
    )
    ratio = short / long if long > 0 else inf
    return (ratio, int(view.newest(measure)[row])) if isfinite(ratio) else None


def falling_use(view: View, row: int) -> Signal | None:
    use = use_ratio(view, row)
    if use is None or use[0] >= FALLING:
        return None
    return Signal(sign="falling_use", measure="feature_use", value=use[0], since_us=use[1])


def rising_use(view: View, row: int) -> Signal | None:
    use = use_ratio(view, row)
    if use is None or use[0] <= RISING:
        return None
    return Signal(sign="rising_use", measure="feature_use", value=use[0], since_us=use[1])


def open_items(view: View, row: int, sign: str, fact: str) -> Signal | None:
    """Complaints, invoices or tickets that are open, and since when the oldest is."""
    count = view.fact_of(fact, row)
    if count <= 0:
        return None
    return Signal(
        sign=sign, measure=fact, value=count, since_us=int(view.fact_of(f"{fact}_since", row))
    )


def detractor(view: View, row: int) -> Signal | None:
    """Somebody's newest NPS answer is a detractor's."""
    return _low_answer(view, row, "low_nps", "nps")


def promoter(view: View, row: int) -> Signal | None:
    """NPS answers are a promoter's, by their mean where several people gave some."""
    line = view.program.scorecard.surveys.high["nps"]
    score, at = _mean_answer(view, row, "nps"), view.fact_of("nps_at", row)
    if score is None or score < line or not recent(view, row, at):
        return None
    return Signal(sign="promoter", measure="nps", value=score, since_us=int(at))


def dissatisfied(view: View, row: int) -> Signal | None:
    """Somebody's newest CSAT answer is low."""
    return _low_answer(view, row, "low_csat", "csat")


def _low_answer(view: View, row: int, sign: str, survey: Survey) -> Signal | None:
    """The newest low answer of anybody, if it is recent."""
    line = view.program.scorecard.surveys.low[survey]
    of_several = "_low" if known(view, row, f"{survey}_mean") is not None else ""
    score, at = known(view, row, survey + of_several), view.fact_of(f"{survey}{of_several}_at", row)
    if score is None or score > line or not recent(view, row, at):
        return None
    return Signal(sign=sign, measure=survey, value=score, since_us=int(at))


def _mean_answer(view: View, row: int, survey: Survey) -> float | None:
    """The mean of everybody's newest answer; None where there is none."""
    mean = known(view, row, f"{survey}_mean")
    score = known(view, row, survey) if mean is None else mean
    return None if score is None or isinf(score) else score


def cancel_page(view: View, row: int) -> Signal | None:
    measure = column(view, "cancel_views")
    newest = 0.0 if measure is None else float(view.newest(measure)[row])
    if measure is None or not recent(view, row, newest):
        return None
    return Signal(
        sign="cancel_page",
        measure="cancel_views",
        value=float(view.count(measure)[row]),
        since_us=int(newest),
    )


def contraction(view: View, row: int) -> Signal | None:
    """Recurring revenue that fell, by how much a month."""
    if known(view, row, "mrr_change") is None:
        return None
    return of_money(view.once("contraction", money.contraction), row)


def growth(view: View, row: int) -> Signal | None:
    """Recurring revenue that rose, by how much a month."""
    if known(view, row, "mrr_change") is None:
        return None
    return of_money(view.once("growth", money.growth), row)


def of_money(sign: MoneySign, row: int) -> Signal | None:
    """The sign of one row; None where it doesn't hold."""
    if not sign.holds[row]:
        return None
    return Signal(
        sign=sign.sign,
        measure=sign.measure,
        value=float(sign.value[row]),
        since_us=int(sign.since_us[row]),
    )


def seats_share(view: View, row: int) -> tuple[float, int] | None:
    """Seats in use over seats paid for, and when that was said."""
    active, seats = known(view, row, "seats_active"), known(view, row, "seats")
    return (
        (active / seats, int(view.fact_of("seats_active_at", row)))
        if active is not None and seats
        else None
    )


def seats_nearly_full(view: View, row: int) -> Signal | None:
    seats = seats_share(view, row)
    if seats is None or seats[0] < FULL:
        return None
    return Signal(
        sign="seats_nearly_full", measure="seats_active", value=seats[0], since_us=seats[1]
    )


def seats_idle(view: View, row: int) -> Signal | None:
    seats = seats_share(view, row)
    if seats is None or seats[0] >= IDLE:
        return None
    return Signal(sign="seats_idle", measure="seats_active", value=seats[0], since_us=seats[1])


def features_idle(view: View, row: int) -> Signal | None:
    """Less than half of the features owned were used lately; `since_us` is when one was used
    last."""
    measure, features_owned = column(view, "feature_use"), known(view, row, "features_owned")
    if measure is None or not features_owned:
        return None
    now_us = float(view.now_us[row])
    if now_us - view.fact_of("first_seen", row) < SETTLING_US:
        return None
    share = view.functions_of(row, since_us=int(now_us) - RECENT_US) / features_owned
    if share >= IDLE:
        return None
    return Signal(
        sign="features_idle",
        measure="features_owned",
        value=share,
        since_us=int(view.newest(measure)[row]),
    )


def renewal_near(view: View, row: int) -> Signal | None:
    """The renewal lies ahead, in so many days; `since_us` is when the time before it began."""
    due = known(view, row, "renewal_at")
    ahead = -1.0 if due is None else due - float(view.now_us[row])
    if due is None or not 0 < ahead <= RECENT_US:
        return None
    return Signal(
        sign="renewal_near",
        measure="renewal_at",
        value=ahead / DAY_US,
        since_us=int(due - RECENT_US),
    )
