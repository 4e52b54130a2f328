"""Customers by their own rhythm: after which quiet silence begins, and by which half-lives a habit
is judged.

Without a `rhythm` in the scorecard, and of a customer whose gap isn't known yet, everything is as
for a daily user.
"""

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.folding.facts import SLOT_SPAN_US
from healthsvc.core.scoring.view import View

EXTENT_GAPS = 2.0
"""Functions count as used for at least so many usual gaps."""


def silence_us(view: View, least_us: float) -> Floats:
    """(n,) quiet of this length is silence; least_us: for daily users."""
    rhythm = view.program.rhythm
    if rhythm is None:
        return np.full(len(view.now_us), float(least_us))
    most = max(float(rhythm.most_us), float(least_us))
    quiet = np.floor(rhythm.times * view.usual_gap_us)
    mean = view.mean_gap_us
    by_mean = np.where(mean > 0, np.floor(rhythm.mean_times * mean), np.inf)
    return np.clip(np.minimum(quiet, by_mean), float(least_us), most)


def is_slow(view: View) -> Mask:
    """(n,) who comes so seldom that only the longer half-lives say something."""
    rhythm = view.program.rhythm
    if rhythm is None:
        return np.zeros(len(view.now_us), bool)
    gap = view.usual_gap_us
    slow: Mask = (gap > rhythm.quick_us) & (gap <= rhythm.slow_us)
    return slow


def is_rare(view: View) -> Mask:
    """(n,) who comes so seldom that no rate says anything: quiet alone does."""
    rhythm = view.program.rhythm
    if rhythm is None:
        return np.zeros(len(view.now_us), bool)
    rare: Mask = view.usual_gap_us > rhythm.slow_us
    return rare


def share_of_daily(view: View) -> Floats | float:
    """(n,) how much of a daily user's visits can be expected of each customer, up to 1."""
    rhythm = view.program.rhythm
    if rhythm is None:
        return 1.0
    return np.minimum(1.0, rhythm.quick_us / np.maximum(view.usual_gap_us, 1.0))


def extent_span_us(view: View) -> Floats:
    """(n,) how long a function counts as used after its last use."""
    if view.program.rhythm is None:
        return np.full(len(view.now_us), float(SLOT_SPAN_US))
    return np.maximum(float(SLOT_SPAN_US), np.floor(EXTENT_GAPS * view.usual_gap_us))


def settled_us(view: View) -> Floats:
    """(n,) from when on a habit is judged again after the newest pause."""
    rhythm = view.program.rhythm
    if rhythm is None:
        return np.zeros(len(view.now_us))
    returned = view.returned_us
    return np.where(returned > 0, returned + rhythm.settle_us, 0.0)
