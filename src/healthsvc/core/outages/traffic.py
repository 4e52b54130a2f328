"""How many events usually come, hour by hour of the week: the habit of a source, a segment, or the
whole fleet.

A night, a weekend and a lunch break are in the habit, so none of them looks like a fall. Each hour
of the week keeps a forward-decayed mean of its own; how far the hours stray from it says how sure a
fall can be.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from healthsvc.core import levels
from healthsvc.core.arrays import Floats
from healthsvc.core.instants import DAY_US

HOUR_US: Final = DAY_US // 24
MINUTE_US: Final = HOUR_US // 60
WEEK_HOURS: Final = 168
HALF_LIFE_US: Final = 28 * DAY_US
KNOWN: Final = 1.2
"""An hour of the week is known from two observations within the last three weeks or so: their
weights, faded by age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What hours of the week brought; sums are relative to `levels.LANDMARK_US`."""

    sums: Floats
    """(168,) events, weighted by age; hours of the week count from Thursday 00:00 UTC."""
    weights: Floats
    """(168,) hours that were observed, weighted likewise."""
    spread: float = 0.0
    """Squared distances of hours from what was their mean until then, weighted likewise …"""
    spread_of: float = 0.0
    """… and the means themselves."""


def new_habit() -> Habit:
    return Habit(sums=np.zeros(WEEK_HOURS), weights=np.zeros(WEEK_HOURS))


def learnt(habit: Habit, hour_us: int, events: float) -> Habit:
    """The habit with one more hour in it, that began at `hour_us`."""
    slot, weight = _slot(hour_us), float(levels.weights(np.array([hour_us]), HALF_LIFE_US)[0])
    spread, spread_of = habit.spread, habit.spread_of
    if habit.weights[slot] > 0:
        mean = float(habit.sums[slot] / habit.weights[slot])
        spread += weight * (events - mean) ** 2
        spread_of += weight * mean
    sums, weights = habit.sums.copy(), habit.weights.copy()
    sums[slot] += weight * events
    weights[slot] += weight
    return Habit(sums=sums, weights=weights, spread=spread, spread_of=spread_of)


def expected(habit: Habit, begin_us: int, end_us: int) -> float | None:
    """Events that the habit lets expect between two instants; None where an hour of it isn't known
    yet.

    Of an hour and its two neighbours the quietest counts: mornings begin earlier or later, and
    clocks are changed.
    """
    total = 0.0
    for hour in range(begin_us // HOUR_US, -(-end_us // HOUR_US)):
        start = hour * HOUR_US
        usual = _usual(habit, start, end_us)
        if usual is None:
            return None
        total += usual * (min(end_us, start + HOUR_US) - max(begin_us, start)) / HOUR_US
    return total


def dispersion(habit: Habit) -> float:
    """How much more the hours stray than independent events would, 1 or more: events of one
    customer come in swarms."""
    return max(1.0, habit.spread / habit.spread_of) if habit.spread_of > 0 else 1.0


def _usual(habit: Habit, hour_us: int, now_us: int) -> float | None:
    if _observations(habit, _slot(hour_us), now_us) < KNOWN:
        return None
    around = [_slot(hour_us + step * HOUR_US) for step in (-1, 0, 1)]
    return min(float(habit.sums[s] / habit.weights[s]) for s in around if habit.weights[s] > 0)


def _observations(habit: Habit, slot: int, now_us: int) -> float:
    return float(
        levels.decayed(habit.weights[slot : slot + 1], np.array([now_us]), HALF_LIFE_US)[0]
    )


def _slot(hour_us: int) -> int:
    return hour_us // HOUR_US % WEEK_HOURS
