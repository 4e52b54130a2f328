"""Forward-decayed levels: sums whose weights are relative to a fixed landmark, so that addition
commutes and late events need no care.

Cormode, Shkapenyuk, Srivastava, Xu: "Forward Decay: A Practical Time Decay Model for Streaming
Systems" (ICDE 2009), with g(n) = 2^(n / half-life). The weight of an event is 2^((t - landmark) /
h); the level at `now` is the sum times 2^-((now - landmark) / h). The exponent is split by an
integer divmod and put together by `ldexp`: so another landmark (a whole number of half-lives away)
gives the same bits, which `exp2` of the quotient does not.
"""

from typing import Final, NamedTuple

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s
from healthsvc.core.instants import DAY_US

LANDMARK_US: Final = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z. With half-lives of at least `MIN_HALF_LIFE_US` the sums stay in range from
2017 to 2034, longer for longer ones."""

MIN_HALF_LIFE_US: Final = 3 * DAY_US


def weights(occurred_us: Instants, half_life_us: int, landmark_us: int = LANDMARK_US) -> Floats:
    """Weight of an event at each instant, 1.0 at the landmark; older than about 1,070 half-lives
    before it is 0."""
    whole, rest = np.divmod(occurred_us - landmark_us, half_life_us)
    weight: Floats = np.ldexp(np.exp2(rest / half_life_us), np.clip(whole, -1100, 1000))
    return weight


def decayed(
    sums: Floats, now_us: Instants, half_life_us: int, landmark_us: int = LANDMARK_US
) -> Floats:
    """Levels at `now_us` (one instant a row) from the sums kept; 1.0 is one event that happened
    just now."""
    return decay(now_us, half_life_us, landmark_us).of(sums)


class Decay(NamedTuple):
    """What a sum of one half-life has come down to, by row: of use to all measures alike."""

    factor: Floats
    exponent: Int64s

    def of(self, sums: Floats) -> Floats:
        """The levels of the sums kept."""
        level: Floats = np.ldexp(sums * self.factor, self.exponent)
        return level


def decay(now_us: Instants, half_life_us: int, landmark_us: int = LANDMARK_US) -> Decay:
    """The decay up to `now_us`, one instant a row."""
    whole, rest = np.divmod(now_us - landmark_us, half_life_us)
    return Decay(np.exp2(-(rest / half_life_us)), -np.clip(whole, -1000, 1100))


def top_three(cells: Int64s, times: Instants) -> tuple[Int64s, Instants]:
    """The newest three instants of each cell, in no matter what order they come.

    cells: (n,) cell numbers below 2^23; times: (n,) microseconds. Returns the cells that occur,
    ascending (u,), and their instants (u, 3), newest first, 0 where there are fewer.
    """
    base = int(times.min())
    if int(times.max()) - base < 1 << 40 and int(cells.max()) < 1 << 23:
        keys = np.sort((cells << 40) | (times - base))
        cell, time = keys >> 40, (keys & ((1 << 40) - 1)) + base
    else:
        order = np.lexsort((times, cells))
        cell, time = cells[order], times[order]
    last = np.flatnonzero(np.append(cell[1:] != cell[:-1], True))
    newest = np.zeros((len(last), 3), np.int64)
    newest[:, 0] = time[last]
    for back in (1, 2):
        at = last - back
        same = (at >= 0) & (cell[np.maximum(at, 0)] == cell[last])
        newest[same, back] = time[at[same]]
    return cell[last], newest


def merge_three(a: Floats, b: Floats) -> Floats:
    """The newest three of two triples, each newest first: (u, 3) and (u, 3) to (u, 3)."""
    a1, a2, a3 = a[:, 0], a[:, 1], a[:, 2]
    b1, b2, b3 = b[:, 0], b[:, 1], b[:, 2]
    newest = np.empty_like(a)
    newest[:, 0] = np.maximum(a1, b1)
    newest[:, 1] = np.maximum(np.minimum(a1, b1), np.maximum(a2, b2))
    newest[:, 2] = np.maximum(
        np.maximum(a3, b3), np.maximum(np.minimum(a1, b2), np.minimum(a2, b1))
    )
    return newest
