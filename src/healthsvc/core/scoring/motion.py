"""How soon age alone can move a score across a line: lower bounds, since early is harmless and late
isn't.

Of the score only this is used: no part fades faster than by half in the fastest half-life h,
nothing grows with age, and marks are concave in their levels and 0 at 0. Then after s the score is
at least 2^(-s/h) of itself, and at most good / (total - (1 - 2^(-s/h)) * bad), where bad is what
only lasts while it is fresh. A cap slides at most by its drift.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.instants import SECOND_US
from healthsvc.core.scorecard.model import Scorecard

_JUST_BELOW_ONE: Final = 1.0 - 1e-15


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreParts:
    """What a score is made of now; n customers."""

    score: Floats
    """(n,) caps included; NaN without enough evidence."""
    raw: Floats
    """(n,) before caps."""
    good: Floats
    """(n,) sum of weight times value."""
    total: Floats
    """(n,) sum of the weights."""
    cap: Floats
    """(n, f) of each flag."""
    cap_drift: Floats
    """(n, f) points by which time alone moves each cap in a microsecond, at most."""
    half_life_us: Floats | float
    """(n,) the fastest half-life of any part."""


def crosses_after_us(parts: ScoreParts, lower: Floats, upper: Floats) -> Floats:
    """(n,) microseconds until the score can at the earliest fall below `lower` or rise to `upper`;
    inf where it can't. A score that isn't between its lines, and one that isn't known, waits for
    nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = np.minimum(falls_after_us(parts, lower), rises_after_us(parts, upper))
        if parts.cap_drift.any():
            ahead = np.minimum(ahead, cap_moves_after_us(parts, lower, upper))
    return ahead


def falls_after_us(parts: ScoreParts, lower: Floats) -> Floats:
    """(n,) the same, of falling below `lower`."""
    falls = (lower > 0) & (parts.score >= lower)
    raw = np.where(falls, parts.raw, 50.0)
    ahead = np.log2(raw / np.where(falls, lower, 1.0)) * parts.half_life_us
    return np.where(falls, _rounded(ahead), np.inf)


def rises_after_us(parts: ScoreParts, upper: Floats) -> Floats:
    """(n,) the same, of rising to `upper` under the caps of now."""
    bad = parts.total - parts.good
    must_fade = (parts.total - 100.0 * parts.good / upper) / np.where(bad > 0, bad, 1.0)
    share = np.where(bad > 0, must_fade, np.inf)  # of the bad
    is_free = parts.cap.min(axis=1, initial=100.0) >= upper
    rises = is_free & (parts.score < upper) & (share < 1)
    ahead = np.where(
        share > 0, -np.log2(1.0 - np.clip(share, 0.0, _JUST_BELOW_ONE)) * parts.half_life_us, 0.0
    )
    return np.where(rises, _rounded(ahead), np.inf)


def cap_moves_after_us(parts: ScoreParts, lower: Floats, upper: Floats) -> Floats:
    """(n,) the same, by caps that slide: a falling one must come down to `lower`; and every cap
    below `upper` must have risen to it. From then on the score itself may have risen as well."""
    cap, drift = parts.cap, parts.cap_drift
    down = np.where(drift < 0, (cap - lower[:, None]) / -drift, np.inf).min(axis=1)
    down = np.where((lower > 0) & (parts.score >= lower), down, np.inf)
    is_low = cap < upper[:, None]
    up = np.where(is_low, np.where(drift > 0, (upper[:, None] - cap) / drift, np.inf), 0.0)
    up_last = up.max(axis=1, initial=0.0)
    up_last = np.where((parts.score < upper) & is_low.any(axis=1), up_last, np.inf)
    ahead = np.minimum(down, up_last)
    return np.where(np.isfinite(ahead), _rounded(ahead), np.inf)


def _rounded(ahead: Floats) -> Floats:
    """The score is evaluated once a second at most."""
    return np.maximum(np.floor(ahead), SECOND_US)


def fastest_half_life_us(card: Scorecard) -> int:
    """No part of a score fades faster than this."""
    judges = [m.judge for m in card.scored_measures if m.judge is not None]
    answers = [j.fading_us for j in judges if j.fading_us is not None]
    places = [
        round(card.half_lives_us[0] / j.reference.steepest)
        for j in judges
        if j.reference is not None
    ]
    return min((*card.half_lives_us, *answers, *places))
