"""Decision states when a projection takes over: decided anew without messages, or carried over."""

from dataclasses import replace

import numpy as np

from healthsvc.core.decisions.cutover import carry_over, decided_as_of, keep_since
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.scorecard.model import Band, Scorecard
from healthsvc.wire.scorecards.document import compile_document

CARD = compile_document("").scorecard


def remembered(**values: float) -> DecisionStates:
    states = DecisionStates.undecided(1)
    for name, value in values.items():
        setattr(states, name, value)
    return states


def remembered_both(**values: list[float]) -> DecisionStates:
    states = DecisionStates.undecided(2)
    for name, both in values.items():
        setattr(states, name, both)
    return states


def card_with(*bands: str) -> Scorecard:
    return replace(
        CARD, bands=tuple(Band(name=name, floor=90.0 - 30 * i) for i, name in enumerate(bands))
    )


def test_the_same_document_carries_bands_flags_and_dwell_over():
    old = remembered(
        band=1,
        band_since=5,
        pending_since=7,
        flags=3,
        score=60,
        decided_us=9,
        sequence=4,
        score_at_churn=33,
    )
    new = carry_over(old, same_document=True)

    for name in (
        "band",
        "band_since",
        "pending_since",
        "flags",
        "score",
        "decided_us",
        "score_at_churn",
    ):
        assert getattr(new, name) == getattr(old, name)
    assert new.sequence[0] == 4
    assert new.due[0] == np.inf


def test_another_document_decides_anew_but_keeps_what_isnt_a_judgement_of_the_scorecard():
    new = carry_over(
        remembered(band=1, flags=3, score=60, decided_us=9, sequence=4, score_at_churn=33),
        same_document=False,
    )

    assert new.band[0] == -1
    assert new.flags[0] == 0
    assert new.score_at_churn[0] == 33
    assert new.sequence[0] == 4


def test_what_the_old_one_has_not_told_yet_is_left_to_the_new_one():
    through = np.array([100])

    assert decided_as_of(
        remembered(decided_us=40, due=500), through, same_document=True
    ).tolist() == [40]
    assert decided_as_of(
        remembered(decided_us=40, due=500), through, same_document=False
    ).tolist() == [100]
    assert decided_as_of(
        remembered(decided_us=40, due=90), through, same_document=False
    ).tolist() == [40]


def test_a_band_of_the_same_name_has_held_since_then():
    old, new = card_with("good", "fair", "poor"), card_with("fine", "poor")
    before = remembered_both(band=[2, 0], band_since=[5, 5])
    after = remembered_both(band=[1, 0], band_since=[9, 9])

    keep_since(old, new, before, after)

    assert after.band_since.tolist() == [5, 9]
