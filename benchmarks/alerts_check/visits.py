"""When customers come: days since the start, by kind of rhythm."""

from collections.abc import Callable
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats

DAYS: Final = 800
Rng = np.random.Generator
Visits = Callable[[Rng], Floats]


def weekdays(rng: Rng) -> Floats:
    """Monday to Friday, with a day missed now and then."""
    days = np.arange(DAYS)
    return days[(days % 7 < 5) & (rng.random(DAYS) < 0.93)].astype(float)


def daily(rng: Rng) -> Floats:
    return np.flatnonzero(rng.random(DAYS) < 0.97).astype(float)


def steady(period: float, jitter: float) -> Visits:
    """Every `period` days, each visit moved by up to `jitter` days either way."""

    def visits(rng: Rng) -> Floats:
        planned = np.arange(rng.uniform(0, period), DAYS, period)
        return np.sort(planned + rng.uniform(-jitter, jitter, len(planned))).clip(0)

    return visits


def irregular(period: float, shape: float) -> Visits:
    """Gaps of a gamma distribution: the larger the shape, the more regular."""

    def visits(rng: Rng) -> Floats:
        gaps = rng.gamma(shape, period / shape, int(4 * DAYS / period) + 20)
        days = np.cumsum(gaps)
        return days[days < DAYS]

    return visits


def blocks(every: float, length: int, jitter: float) -> Visits:
    """Some days in a row, every so often: the closing of a month or a quarter, a project."""

    def visits(rng: Rng) -> Floats:
        starts = np.arange(rng.uniform(0, every), DAYS, every)
        starts = starts + rng.uniform(-jitter, jitter, len(starts))
        days = (starts[:, None] + np.arange(length)).reshape(-1)
        return np.unique(days[(days >= 0) & (days < DAYS) & (rng.random(len(days)) < 0.9)])

    return visits


def bursts(rng: Rng) -> Floats:
    """Bursts of two to six days at any time, three weeks apart on average."""
    days: list[float] = []
    day = rng.uniform(0, 20)
    while day < DAYS:
        length = int(rng.integers(2, 7))
        days += [day + i for i in range(length)]
        day += length + rng.gamma(3.0, 6.0)
    return np.array([d for d in days if d < DAYS])


def without(visits: Visits, *pauses: tuple[float, float]) -> Visits:
    """The same with pauses, each from a day of the year to another."""

    def rest(rng: Rng) -> Floats:
        days = visits(rng)
        offset = rng.uniform(0, 365)
        of_year = (days + offset) % 365
        away = np.zeros(len(days), bool)
        for first, last in pauses:
            away |= (of_year >= first) & (of_year < last)
        kept: Floats = days[~away]
        return kept

    return rest


def paused_once(visits: Visits, first: float, last: float) -> Visits:
    """The same with one pause, from one day to another."""

    def rest(rng: Rng) -> Floats:
        days = visits(rng)
        kept: Floats = days[(days < first) | (days >= last)]
        return kept

    return rest


def stopped(visits: Visits) -> Visits:
    """The same until a day in the second half."""

    def until(rng: Rng) -> Floats:
        end = rng.uniform(430, 560)
        days = visits(rng)
        kept: Floats = days[days <= end]
        return kept

    return until


def thinned(visits: Visits, share_of: Callable[[Floats], Floats]) -> Visits:
    """The same, of which a share that changes with the day stays."""

    def fewer(rng: Rng) -> Floats:
        days = visits(rng)
        kept: Floats = days[rng.random(len(days)) < share_of(days)]
        return kept

    return fewer


def changing_with_the_season(rng: Rng) -> Floats:
    """Three visits a week in one half of the year, one in the other."""
    days = irregular(2.3, 3.0)(rng)
    offset = rng.uniform(0, 365)
    is_low = ((days + offset) % 365) < 180
    kept: Floats = days[~is_low | (rng.random(len(days)) < 0.5)]
    return kept
