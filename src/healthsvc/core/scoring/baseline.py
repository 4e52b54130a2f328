"""Today's rate against the customer's own habit: the shortest half-life's over the longest's, of
customers of any age.

Of a customer seen for a time a, a level of half-life h has filled to 1 - 2^(-a/h) of what steady
use would make of it, so each rate is divided by that. A steady customer then has the ratio 1 from
its first day; without it the longer level, which fills slowly, made everybody young seem to use
more and more, and hid a fall.

In silence the ratio falls, by at most 2^(-s (1/short - 1/long)) in a time s and by at least the
root of that: so it never grows by time alone. The instant at which it crosses a line is found by
Newton's steps from the late side: its logarithm is concave, so each step ends late of the crossing,
and nearer.
"""

from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s
from healthsvc.core.instants import SECOND_US
from healthsvc.core.scoring.view import View

_LN2: Final = float(np.log(2.0))
STEPS: Final = 5
"""Of Newton's: the error squares in each, and is far below a microsecond after four."""
_FULL: Final = 500.0
"""Half-lives after which a level is full."""


def ratio(view: View, measure: int) -> Floats:
    """Today's rate over the habitual one, (n,); 0 where the measure was never fed."""
    short, long = view.rate(measure, 0), view.rate(measure, len(view.program.half_lives_us) - 1)
    lives = view.program.half_lives_us
    age = np.maximum(_age(view), float(SECOND_US))
    return (
        short
        / np.where(long > 0, long, 1.0)
        * _correction(_growth(age, lives[0]), _growth(age, lives[-1]))
    )


def falls_to_us(view: View, rows: Int64s, now: Floats, at: float) -> Floats:
    """The instant at which the ratio of each of some rows, `now`, falls or fell to `at` if nothing
    comes; now > 0."""
    short, long = view.program.half_lives_us[0], view.program.half_lives_us[-1]
    age, speed = _age(view)[rows], 1.0 / short - 1.0 / long
    known_age = np.maximum(age, float(SECOND_US))
    start = np.log2(now / (at * _correction(_growth(known_age, short), _growth(known_age, long))))
    ahead: Floats = np.maximum(2.0 * np.log2(now / at) / speed, 0.0)
    for _ in range(STEPS):
        then = np.maximum(age + ahead, float(SECOND_US))
        brief, lasting = _growth(then, short), _growth(then, long)
        above = start - speed * ahead + np.log2(_correction(brief, lasting))
        slope = -speed + 1.0 / (long * lasting) - 1.0 / (short * brief)
        ahead = ahead - above / slope
    instant: Floats = view.now_us[rows] + ahead
    return instant


def _age(view: View) -> Floats:
    """For how long each customer has been seen, in microseconds."""
    return view.now_us.astype(np.float64) - view.fact("first_seen")


def _growth(age: Floats, half_life_us: int) -> Floats:
    """2^(age / h) - 1: a level is filled to x / (1 + x) of it."""
    growth: Floats = np.expm1(np.minimum(age / half_life_us, _FULL) * _LN2)
    return growth


def _correction(short: Floats, long: Floats) -> Floats:
    """How far the longer level has filled, over how far the shorter one has."""
    return (long / (1.0 + long)) * ((1.0 + short) / short)
