"""When a customer must be decided again though nothing comes: a lower bound, since early is
harmless and late isn't."""

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.decisions.bands import BandLimits
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.motion import ScoreParts, crosses_after_us


def due_us(
    limits: BandLimits, evaluation: Evaluation, score: Floats, after: DecisionStates
) -> Floats:
    """(n,) no later than the next instant at which ageing alone changes a band, a flag or the
    stage; inf: never.

    Dwell, slots and most flags have exact instants; how soon the score can leave its band is told
    by `scoring.motion`. A rise that is believed after the dwell waits for that alone.
    """
    now = evaluation.now_us.astype(np.float64)
    due = _exact_us(limits, evaluation, after.pending_since)
    band = np.maximum(after.band.astype(np.int64), 0)
    has_score = (
        ~np.isnan(score) & ~evaluation.churned & ~np.isnan(evaluation.raw) & ~evaluation.overridden
    )
    # Row by row in memory, so that one customer's sums have the same bits as many customers'.
    weight = np.ascontiguousarray(evaluation.weight)
    value = np.ascontiguousarray(evaluation.value)
    parts = ScoreParts(
        score=np.where(has_score, score, np.nan),
        raw=evaluation.raw,
        good=(weight * value).sum(axis=1),
        total=weight.sum(axis=1),
        cap=evaluation.flags.cap,
        cap_drift=evaluation.flags.cap_drift,
        half_life_us=limits.half_life_us,
    )
    lower = limits.floor_of(band) - limits.hysteresis
    better = limits.floor_of(np.maximum(band - 1, 0)) + limits.hysteresis
    upper = np.where((band > 0) & (after.pending_since == 0), better, np.inf)
    due = np.minimum(due, now + crosses_after_us(parts, lower, upper))
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
