"""What the memory of decisions becomes when one projection takes over from another, quietly.

A rebuild under the same document carries it over: bands and alerts are recorded decisions. Under another document bands
and flags are decided anew, without hysteresis against a band of another meaning; what isn't a judgement of the
scorecard stays: the score that was frozen at churn, the numbers of the messages, and since when a band of the same name
has held.
"""

from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Instants
from healthsvc.core.folding import decision_state
from healthsvc.core.scorecard.model import Scorecard

SEQUENCE_LEAP: Final = 1000.0
"""Message numbers leap by so much: the old projection may send some until it is retired, and none may repeat."""


def carried(remembered: Floats, *, same_document: bool) -> Floats:
    """The memory with which the new projection decides for the first time; (n, memory.WIDTH), as is the old one's."""
    before = remembered.copy() if same_document else np.tile(decision_state.DEFAULTS, (len(remembered), 1))
    before[:, decision_state.SEQUENCE] = remembered[:, decision_state.SEQUENCE] + SEQUENCE_LEAP
    before[:, decision_state.FROZEN] = remembered[:, decision_state.FROZEN]
    before[:, decision_state.DUE] = np.inf  # the new projection has no timers yet: each is written
    before[:, decision_state.LISTED] = decision_state.UNLISTED
    return before


def continued(own: Floats) -> Floats:
    """The memory with which a shadow decides once more, (n, memory.WIDTH): its own; timer and standing are written."""
    before = own.copy()
    before[:, decision_state.DUE] = np.inf
    before[:, decision_state.LISTED] = decision_state.UNLISTED
    return before


def decided_as_of(remembered: Floats, read_through_us: Instants, *, same_document: bool) -> Instants:
    """The instants of the quiet decisions, (n,).

    The same document is decided as of the recorded instants, another one as of what has been read. What the old
    projection hasn't told though its time has come is left for the new one to tell.
    """
    recorded = remembered[:, decision_state.DECIDED].astype(np.int64)
    if same_document:
        return recorded
    waits = remembered[:, decision_state.DUE] <= read_through_us
    return np.where(waits, np.minimum(recorded, read_through_us), read_through_us)


def keep_since(old: Scorecard, new: Scorecard, remembered: Floats, after: Floats) -> None:
    """Where the band has the same name as before, it has held since then; changes `after`."""
    names = {band.name: i for i, band in enumerate(new.bands)}
    same = np.array([names.get(band.name, -2) for band in old.bands])
    place = remembered[:, decision_state.BAND].astype(np.int64)
    kept = (place >= 0) & (same[np.maximum(place, 0)] == after[:, decision_state.BAND])
    after[:, decision_state.BAND_SINCE] = np.where(
        kept, remembered[:, decision_state.BAND_SINCE], after[:, decision_state.BAND_SINCE]
    )
