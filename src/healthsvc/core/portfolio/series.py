"""The portfolio at one instant after the other: who was there, in which band, with which revenue,
and what each step between two instants gained and lost.

Everything is a sum by group, so the series of some customers and of others add up to that of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.portfolio.entries import (
    CANCELLED,
    CHANGED,
    PROFILE,
    RENEWED,
    WITHDRAWN,
    Accounts,
    Entries,
)
from healthsvc.core.portfolio.presence import Presence, summed, was_there

Step = Literal["day", "week", "month"]
STEPS: Final[tuple[Step, ...]] = ("day", "week", "month")
NO_BAND: Final = -1
"""Nothing was decided, or there was too little evidence."""
_MONEY: Final = (PROFILE, RENEWED, CHANGED, CANCELLED, WITHDRAWN)


def instants(start: datetime, end: datetime, step: Step) -> list[datetime]:
    """The start, each midnight, Monday or first of a month (UTC) between, and the end."""
    between = _after(start, step)
    result = [start]
    while between < end:
        result.append(between)
        between = _after(between, step)
    return [*result, end]


def _after(instant: datetime, step: Step) -> datetime:
    """The next border of days, weeks or months."""
    midnight = instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match step:
        case "day":
            return midnight + timedelta(days=1)
        case "week":
            return midnight + timedelta(days=7 - midnight.weekday())
        case "month":
            return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True, slots=True)
class DecidedHealth:
    """What had been decided about n customers by each of t instants."""

    band: Int64s
    """(n, t) numbers of bands, or NO_BAND."""
    score: Floats
    """(n, t) NaN where there is none."""


@dataclass(frozen=True, slots=True)
class SeriesSums:
    """Sums by group at t instants, and over the t - 1 steps between them."""

    customers: Floats
    """(t, groups)"""
    mrr: Floats
    """(t, groups)"""
    mrr_at_risk: Floats
    """(t, groups) of customers in the lower half of the bands."""
    scored: Floats
    """(t, groups) customers that have a score."""
    scores: Floats
    """(t, groups) the sum of these scores."""
    in_band: Floats
    """(t, groups, bands) customers."""
    gained: Floats
    """(t - 1, groups) there at the end of the step and not at its start."""
    lost: Floats
    """(t - 1, groups) there at some time of the step and not at its end."""
    mrr_lost: Floats
    """(t - 1, groups) what those of the lost paid that were there at its start."""

    def plus(self, other: "SeriesSums") -> "SeriesSums":
        """The sums of both."""
        return SeriesSums(
            *(getattr(self, each.name) + getattr(other, each.name) for each in fields(self))
        )


def nothing(points: int, groups: int, bands: int) -> SeriesSums:
    """The sums of nobody."""
    at, over = (points, groups), (points - 1, groups)
    return SeriesSums(
        customers=np.zeros(at),
        mrr=np.zeros(at),
        mrr_at_risk=np.zeros(at),
        scored=np.zeros(at),
        scores=np.zeros(at),
        in_band=np.zeros((*at, bands)),
        gained=np.zeros(over),
        lost=np.zeros(over),
        mrr_lost=np.zeros(over),
    )


@dataclass(frozen=True, slots=True)
class SeriesInput:
    """n customers, what was told of their money, what was decided about them, and when is asked."""

    accounts: Accounts
    entries: Entries
    health: DecidedHealth
    at_us: Int64s
    """(t,) rising."""
    low: Mask
    """(bands,) the lower half."""


def series(of: SeriesInput, groups: int) -> SeriesSums:
    """The sums of n customers."""
    money = of.entries.take(np.isin(of.entries.kind, _MONEY))
    sums = nothing(len(of.at_us), groups, len(of.low))
    before: Presence | None = None
    for point, at_us in enumerate(of.at_us.tolist()):
        now = Presence(of.accounts, money, at_us)
        _add_standing(sums, of, now, point)
        if before is not None:
            span = (of.at_us.item(point - 1), at_us)
            within = money.take((money.us >= span[0]) & (money.us < span[1]))
            gone = was_there(of.accounts, within, before, *span) & ~now.there
            _add_step(sums, of.accounts, (before, now, gone), point - 1)
        before = now
    return sums


def _add_standing(sums: SeriesSums, of: SeriesInput, now: Presence, point: int) -> None:
    revenue = now.revenue
    there = now.there & of.accounts.counted(revenue > 0)
    band, score = of.health.band[:, point], of.health.score[:, point]
    has_band, has_score = there & (band != NO_BAND), there & ~np.isnan(score)
    at_risk = has_band & of.low[np.maximum(band, 0)]
    group, groups, bands = of.accounts.group, sums.customers.shape[1], len(of.low)
    standing: Sequence[tuple[Floats, Floats | Mask]] = (
        (sums.customers, there),
        (sums.mrr, revenue * there),
        (sums.mrr_at_risk, revenue * at_risk),
        (sums.scored, has_score),
        (sums.scores, np.where(has_score, score, 0.0)),
    )
    for place, numbers in standing:
        place[point] = summed(group, numbers, groups)
    cell = group[has_band] * bands + band[has_band]
    sums.in_band[point] = np.bincount(cell, minlength=groups * bands).reshape(groups, bands)


def _add_step(
    sums: SeriesSums, accounts: Accounts, step: tuple[Presence, Presence, Mask], point: int
) -> None:
    before, now, gone = step
    paid = before.revenue
    counts = accounts.counted((paid > 0) | (now.revenue > 0))
    groups = sums.customers.shape[1]
    moves: Sequence[tuple[Floats, Floats | Mask]] = (
        (sums.gained, now.there & ~before.there & counts),
        (sums.lost, gone & counts),
        (sums.mrr_lost, paid * (gone & counts)),
    )
    for place, numbers in moves:
        place[point] = summed(accounts.group, numbers, groups)
