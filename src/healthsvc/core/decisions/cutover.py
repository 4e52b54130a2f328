"""Decision states when one projection takes over from another, quietly.

A rebuild under the same document carries it over: bands and alerts are recorded decisions. Under
another document bands and flags are decided anew, without hysteresis against a band of another
meaning; what isn't a judgement of the scorecard stays: the score that was frozen at churn, the
numbers of the messages, and since when a band of the same name has held.
"""

import numpy as np

from healthsvc.core.arrays import Instants
from healthsvc.core.folding.decision_state import UNLISTED, DecisionStates
from healthsvc.core.scorecard.model import Scorecard


def carry_over(recorded_states: DecisionStates, *, same_document: bool) -> DecisionStates:
    """The decision states with which the new projection decides for the first time."""
    before = (
        recorded_states.copy() if same_document else DecisionStates.undecided(len(recorded_states))
    )
    before.sequence = recorded_states.sequence
    before.score_at_churn = recorded_states.score_at_churn
    before.due = np.inf  # the new projection has no timers yet: each is written
    before.listed_score = UNLISTED
    return before


def continue_shadow(own: DecisionStates) -> DecisionStates:
    """The decision states with which a shadow decides once more: its own; timer and customer
    summary are written."""
    before = own.copy()
    before.due = np.inf
    before.listed_score = UNLISTED
    return before


def decided_as_of(
    recorded_states: DecisionStates, read_through_us: Instants, *, same_document: bool
) -> Instants:
    """The instants of the quiet decisions, (n,).

    The same document is decided as of the recorded instants, another one as of what has been read.
    What the old projection hasn't decided though its timer is due is left to the new one.
    """
    recorded = recorded_states.decided_us.astype(np.int64)
    if same_document:
        return recorded
    waits = recorded_states.due <= read_through_us
    return np.where(waits, np.minimum(recorded, read_through_us), read_through_us)


def keep_since(
    old: Scorecard, new: Scorecard, recorded_states: DecisionStates, after: DecisionStates
) -> None:
    """Where the band has the same name as before, it has held since then; changes `after`."""
    names = {band.name: i for i, band in enumerate(new.bands)}
    same = np.array([names.get(band.name, -2) for band in old.bands])
    place = recorded_states.band.astype(np.int64)
    is_same = (place >= 0) & (same[np.maximum(place, 0)] == after.band)
    after.band_since = np.where(is_same, recorded_states.band_since, after.band_since)
