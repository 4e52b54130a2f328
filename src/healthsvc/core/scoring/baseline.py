"""Today's rate against the customer's own habit: a shorter half-life's over a longer one's, of
customers of any age.

Daily users are judged by the scorecard's shortest half-life against its longest; slower ones by the
longest against that of the `rhythm`. Who comes more seldom still isn't judged by rates.

Of a customer seen for a time a, a level of half-life h has filled to 1 - 2^(-a/h) of what steady
use would make of it, so each rate is divided by that. A steady customer then has the ratio 1 from
its first day; without it the longer level, which fills slowly, made everybody young seem to use
more and more, and hid a fall.

In silence the ratio falls, by at most 2^(-s (1/short - 1/long)) in a time s and by at least the
root of that: so it never grows by time alone. The instant at which it crosses a line is found by
Newton's steps from the late side: its logarithm is concave, so each step ends late of the crossing,
and nearer.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.instants import SECOND_US
from healthsvc.core.scoring import rhythm
from healthsvc.core.scoring.view import SLOW, View

_LN2: Final = float(np.log(2.0))
STEPS: Final = 5
"""Of Newton's: the error squares in each, and is far below a microsecond after four."""
_FULL: Final = 500.0
"""Half-lives after which a level is full."""


class HalfLives(NamedTuple):
    """Two half-lives as a view names them."""

    short: int
    long: int

    def of(self, view: View) -> tuple[int, int]:
        """Both in microseconds."""
        return view.half_life_us(self.short), view.half_life_us(self.long)

    def speed(self, view: View) -> float:
        """By how many halves the ratio falls in a microsecond of silence, at most."""
        short, long = self.of(view)
        return 1.0 / short - 1.0 / long


def quick(view: View) -> HalfLives:
    """What daily users are judged by."""
    return HalfLives(0, len(view.program.half_lives_us) - 1)


def slow(view: View) -> HalfLives:
    """What slower customers are judged by; only of measures that keep a slow level."""
    return HalfLives(len(view.program.half_lives_us) - 1, SLOW)


def ratio(view: View, measure: int) -> Floats:
    """Today's rate over the habitual one by each customer's own rhythm, (n,); 0 where the measure
    was never fed, 1 where the habit isn't known."""
    daily = ratio_by(view, measure, quick(view))
    is_slow = rhythm.is_slow(view)
    if measure not in view.program.slow or not is_slow.any():
        return daily
    seldom = np.where(view.level(measure, SLOW) > 0, ratio_by(view, measure, slow(view)), 1.0)
    return np.where(is_slow, seldom, daily)


def is_judged(view: View, measure: int) -> Mask:
    """(n,) whose habit can be judged by rates."""
    rare = rhythm.is_rare(view)
    if measure not in view.program.slow:
        return ~rare
    unknown = rhythm.is_slow(view) & (view.level(measure, SLOW) <= 0)
    return ~rare & ~unknown


def judged_from_us(view: View) -> Floats:
    """(n,) from when on there is a habit: a short half-life after the first event, and a while
    after the newest pause."""
    daily, seldom = view.program.half_lives_us[0], view.program.half_lives_us[-1]
    short = np.where(rhythm.is_slow(view), float(seldom), float(daily))
    return np.maximum(view.fact("first_seen") + short, rhythm.settled_us(view))


def ratio_by(view: View, measure: int, lives: HalfLives) -> Floats:
    """The same by two half-lives, (n,)."""
    short, long = view.rate(measure, lives.short), view.rate(measure, lives.long)
    short_us, long_us = lives.of(view)
    filled = _correction(_filling(view, short_us), _filling(view, long_us))
    return short / np.where(long > 0, long, 1.0) * filled


def falls_to_us(view: View, rows: Int64s, now: Floats, at: float) -> Floats:
    """The instant at which the ratio of each of some rows, `now`, falls or fell to `at` if nothing
    comes; now > 0."""
    seldom = rhythm.is_slow(view)[rows]
    if not seldom.any():
        return falls_by_us(view, rows, now, at, quick(view))
    instant = np.empty(len(rows))
    for is_mine, lives in ((~seldom, quick(view)), (seldom, slow(view))):
        instant[is_mine] = falls_by_us(view, rows[is_mine], now[is_mine], at, lives)
    return instant


def speed(view: View) -> Floats:
    """(n,) by how many halves each ratio falls in a microsecond of silence, at most."""
    daily = quick(view).speed(view)
    is_slow = rhythm.is_slow(view)
    if not is_slow.any():
        return np.full(len(view.now_us), daily)
    return np.where(is_slow, slow(view).speed(view), daily)


def falls_by_us(
    view: View, rows: Int64s, now: Floats, at: Floats | float, lives: HalfLives
) -> Floats:
    """The same as `falls_to_us`, by two half-lives."""
    short, long = lives.of(view)
    age, speed = _age(view)[rows], lives.speed(view)
    filled = _correction(_filling(view, short)[rows], _filling(view, long)[rows])
    start = np.log2(now / (at * filled))
    ahead: Floats = np.maximum(2.0 * np.log2(now / at) / speed, 0.0)
    for _ in range(STEPS):
        then = np.maximum(age + ahead, float(SECOND_US))
        brief, lasting = _growth(then, short), _growth(then, long)
        above = start - speed * ahead + np.log2(_correction(brief, lasting))
        slope = -speed + 1.0 / (long * lasting) - 1.0 / (short * brief)
        ahead = ahead - above / slope
    instant: Floats = view.now_us[rows] + ahead
    return instant


def falls_together_by_us(
    view: View, rows: Int64s, ratios: Sequence[tuple[Floats, HalfLives]], at: Floats | float
) -> Floats:
    """The instant at which the geometric mean of several ratios of each of some rows falls or fell
    to `at` if nothing comes; each ratio with its half-lives."""
    age = _age(view)[rows]
    known_age = np.maximum(age, float(SECOND_US))
    share = 1.0 / len(ratios)
    logs = share * _added([np.log2(now) for now, _ in ratios]) - np.log2(at)
    full = _added([np.log2(_correction_at(known_age, *lives.of(view))) for _, lives in ratios])
    start = logs - share * full
    speed = share * sum(lives.speed(view) for _, lives in ratios)
    ahead: Floats = np.maximum(2.0 * logs / speed, 0.0)
    for _ in range(STEPS):
        then = np.maximum(age + ahead, float(SECOND_US))
        pairs = [lives.of(view) for _, lives in ratios]
        filled = _added([np.log2(_correction_at(then, short, long)) for short, long in pairs])
        slopes = _added([_slope(then, short, long) for short, long in pairs])
        above = start - speed * ahead + share * filled
        ahead = ahead - above / (share * slopes - speed)
    instant: Floats = view.now_us[rows] + ahead
    return instant


def _added(parts: Sequence[Floats]) -> Floats:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _correction_at(age: Floats, short_us: int, long_us: int) -> Floats:
    return _correction(_growth(age, short_us), _growth(age, long_us))


def _slope(age: Floats, short_us: int, long_us: int) -> Floats:
    """By how much the logarithm of the correction grows in a microsecond."""
    brief, lasting = _growth(age, short_us), _growth(age, long_us)
    return 1.0 / (long_us * lasting) - 1.0 / (short_us * brief)


def _age(view: View) -> Floats:
    """For how long each customer has been seen, in microseconds."""
    return view.now_us.astype(np.float64) - view.fact("first_seen")


def _filling(view: View, half_life_us: int) -> Floats:
    """`_growth` of each customer's age, worked out once for all measures and flags."""
    filling = view.fillings.get(half_life_us)
    if filling is None:
        age = np.maximum(_age(view), float(SECOND_US))
        filling = view.fillings[half_life_us] = _growth(age, half_life_us)
    return filling


def _growth(age: Floats, half_life_us: int) -> Floats:
    """2^(age / h) - 1: a level is filled to x / (1 + x) of it."""
    growth: Floats = np.expm1(np.minimum(age / half_life_us, _FULL) * _LN2)
    return growth


def _correction(short: Floats, long: Floats) -> Floats:
    """How far the longer level has filled, over how far the shorter one has."""
    return (long / (1.0 + long)) * ((1.0 + short) / short)
