"""What the memory of decisions becomes when a projection takes over: bands and alerts are told quietly, or carried."""

from dataclasses import replace

import numpy as np

from healthsvc.core.decisions.cutover import SEQUENCE_LEAP, carried, decided_as_of, keep_since
from healthsvc.core.folding import decision_state
from healthsvc.core.scorecard.model import Band, Scorecard
from healthsvc.wire.scorecards.document import compile_document

CARD = compile_document("").scorecard


def remembered(**values: float) -> np.ndarray:
    row = decision_state.DEFAULTS.copy()
    for name, value in values.items():
        row[getattr(decision_state, name)] = value
    return row[None, :]


def card_with(*bands: str) -> Scorecard:
    return replace(CARD, bands=tuple(Band(name=name, floor=90.0 - 30 * i) for i, name in enumerate(bands)))


def test_the_same_document_carries_bands_flags_and_dwell_over():
    old = remembered(BAND=1, BAND_SINCE=5, PENDING_SINCE=7, FLAGS=3, SCORE=60, DECIDED=9, SEQUENCE=4, FROZEN=33)
    new = carried(old, same_document=True)

    for name in ("BAND", "BAND_SINCE", "PENDING_SINCE", "FLAGS", "SCORE", "DECIDED", "FROZEN"):
        assert new[0, getattr(decision_state, name)] == old[0, getattr(decision_state, name)]
    assert new[0, decision_state.SEQUENCE] == 4 + SEQUENCE_LEAP
    assert new[0, decision_state.DUE] == np.inf


def test_another_document_decides_anew_but_keeps_what_isnt_a_judgement_of_the_scorecard():
    new = carried(remembered(BAND=1, FLAGS=3, SCORE=60, DECIDED=9, SEQUENCE=4, FROZEN=33), same_document=False)

    assert new[0, decision_state.BAND] == -1
    assert new[0, decision_state.FLAGS] == 0
    assert new[0, decision_state.FROZEN] == 33
    assert new[0, decision_state.SEQUENCE] == 4 + SEQUENCE_LEAP


def test_what_the_old_one_has_not_told_yet_is_left_to_the_new_one():
    through = np.array([100])

    assert decided_as_of(remembered(DECIDED=40, DUE=500), through, same_document=True).tolist() == [40]
    assert decided_as_of(remembered(DECIDED=40, DUE=500), through, same_document=False).tolist() == [100]
    assert decided_as_of(remembered(DECIDED=40, DUE=90), through, same_document=False).tolist() == [40]


def test_a_band_of_the_same_name_has_held_since_then():
    old, new = card_with("good", "fair", "poor"), card_with("fine", "poor")
    before = np.concatenate([remembered(BAND=2, BAND_SINCE=5), remembered(BAND=0, BAND_SINCE=5)])
    after = np.concatenate([remembered(BAND=1, BAND_SINCE=9), remembered(BAND=0, BAND_SINCE=9)])

    keep_since(old, new, before, after)

    assert after[:, decision_state.BAND_SINCE].tolist() == [5, 9]
