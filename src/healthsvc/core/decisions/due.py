"""When a customer must be decided again though nothing comes: a lower bound, since early is
harmless and late isn't."""

from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.decisions.bands import BandLimits
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.instants import SECOND_US
from healthsvc.core.scoring.evaluate import Evaluation

_JUST_BELOW_ONE: Final = 1.0 - 1e-15


def due_us(
    limits: BandLimits, evaluation: Evaluation, score: Floats, after: DecisionStates
) -> Floats:
    """(n,) no later than the next instant at which ageing alone changes a band, a flag or the
    stage; inf: never.

    Flags, dwell and slots have exact instants; the score is evaluated once a second at most. Of it
    only this is used: no part fades faster than by half in the fastest half-life h, nothing grows
    with age, and marks are concave in their levels and 0 at 0. Then after s the score is at least
    2^(-s/h) of itself, and at most good / (total - (1 - 2^(-s/h)) * bad), where bad is what only
    lasts while it is fresh.
    """
    now = evaluation.now_us.astype(np.float64)
    due = _exact_us(limits, evaluation, after.pending_since)
    band = np.maximum(after.band.astype(np.int64), 0)
    has_score = (
        ~np.isnan(score) & ~evaluation.churned & ~np.isnan(evaluation.raw) & ~evaluation.overridden
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        due = np.minimum(due, now + _falls_after_us(limits, evaluation, score, band, has_score))
        rises = has_score & (after.pending_since == 0)
        due = np.minimum(due, now + _rises_after_us(limits, evaluation, score, band, rises))
        if evaluation.flags.cap_drift.any():
            slides = _cap_moves_after_us(limits, evaluation, score, band, has_score)
            due = np.minimum(due, now + slides)
    return np.where(np.isfinite(due), np.maximum(due, now + 1.0), np.inf)


def _exact_us(limits: BandLimits, evaluation: Evaluation, pending_since: Floats) -> Floats:
    """The next change of a flag, the extent, an override or the stage, and the end of the dwell;
    inf: none."""
    flags_due: Floats = evaluation.flags.change_us.min(axis=1, initial=np.inf)
    due = np.minimum(flags_due, evaluation.slot_expiry_us)
    due = np.minimum(due, evaluation.marks_change_us)
    due = np.minimum(np.minimum(due, evaluation.override_until_us), evaluation.stages.change_us)
    due = np.where(evaluation.churned, flags_due, due)
    dwelt: Floats = np.minimum(due, pending_since + limits.dwell_us)
    return np.where(pending_since > 0, dwelt, due)


def _falls_after_us(
    limits: BandLimits, evaluation: Evaluation, score: Floats, band: Int64s, has_score: Mask
) -> Floats:
    """Microseconds until the score can at the earliest fall out of its band; inf where it can't."""
    lower = limits.floor_of(band) - limits.hysteresis
    falls = has_score & (lower > 0) & (score >= lower)
    raw = np.where(has_score, evaluation.raw, 50.0)
    ahead = np.log2(raw / np.where(falls, lower, 1.0)) * limits.half_life_us
    return np.where(falls, np.maximum(np.floor(ahead), SECOND_US), np.inf)


def _cap_moves_after_us(
    limits: BandLimits, evaluation: Evaluation, score: Floats, band: Int64s, has_score: Mask
) -> Floats:
    """Microseconds until a cap that slides can at the earliest move the score out of its band; inf
    where none slides.

    A falling one must come down to the band's lower end; and every cap below a better band must
    have risen into it. From then on the score itself may have risen as well.
    """
    lower = limits.floor_of(band) - limits.hysteresis
    upper = limits.floor_of(np.maximum(band - 1, 0)) + limits.hysteresis
    cap, drift = evaluation.flags.cap, evaluation.flags.cap_drift
    down = np.where(drift < 0, (cap - lower[:, None]) / -drift, np.inf).min(axis=1)
    down = np.where(has_score & (lower > 0) & (score >= lower), down, np.inf)
    is_low = cap < upper[:, None]
    up = np.where(is_low, np.where(drift > 0, (upper[:, None] - cap) / drift, np.inf), 0.0)
    up_last = up.max(axis=1, initial=0.0)
    up_last = np.where(has_score & (band > 0) & is_low.any(axis=1), up_last, np.inf)
    ahead = np.minimum(down, up_last)
    return np.where(np.isfinite(ahead), np.maximum(np.floor(ahead), SECOND_US), np.inf)


def _rises_after_us(
    limits: BandLimits, evaluation: Evaluation, score: Floats, band: Int64s, has_score: Mask
) -> Floats:
    """Microseconds until the score can at the earliest rise into a better band; inf where it
    can't."""
    upper = limits.floor_of(np.maximum(band - 1, 0)) + limits.hysteresis
    good = (evaluation.weight * evaluation.value).sum(axis=1)
    total = evaluation.weight.sum(axis=1)
    bad = total - good
    must_fade = (total - 100.0 * good / upper) / np.where(bad > 0, bad, 1.0)
    share = np.where(bad > 0, must_fade, np.inf)  # of the bad
    rises = has_score & (band > 0) & (evaluation.cap >= upper) & (score < upper) & (share < 1)
    ahead = np.where(
        share > 0, -np.log2(1.0 - np.clip(share, 0.0, _JUST_BELOW_ONE)) * limits.half_life_us, 0.0
    )
    return np.where(rises, np.maximum(np.floor(ahead), SECOND_US), np.inf)
