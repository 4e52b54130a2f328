"""Decision states: named fields over the stored rows, whichever version wrote them."""

import numpy as np

from healthsvc.core.folding.decision_state import (
    ROW_BYTES,
    DecisionStates,
    complete_row,
    last_sequence,
    select,
)


def test_what_is_written_into_a_field_of_some_rows_is_stored() -> None:
    states = DecisionStates.undecided(3)

    states.sequence[np.array([0, 2])] = 7.0

    stored = b"".join(states.packed_row(row) for row in range(3))
    assert DecisionStates.unpack(stored, 3).sequence.tolist() == [7.0, 0.0, 7.0]
    assert last_sequence(states.packed_row(2)) == 7


def test_a_row_of_an_earlier_version_lacks_its_last_fields() -> None:
    states = DecisionStates.undecided(1)
    states.band = 2.0
    states.note_alert(0, 5, hour=500_000)
    stored = states.packed_row(0)[: ROW_BYTES - 5 * 8]

    earlier = DecisionStates.of_any_version([stored, b""])

    assert earlier.band.tolist() == [2.0, -1.0]
    assert earlier.last_alerts(0) == {}
    assert complete_row(stored) == earlier.packed_row(0)


def test_the_newest_alert_of_each_of_six_flags_is_remembered_to_the_hour() -> None:
    states = DecisionStates.undecided(1)

    for flag in range(8):
        states.note_alert(0, flag, hour=495_000 + flag)
    states.note_alert(0, 4, hour=496_000)

    newest = {flag: 495_000 + flag for flag in (2, 3, 5, 6, 7)}
    assert states.last_alerts(0) == {**newest, 4: 496_000}


def test_a_copy_of_some_rows_leaves_the_others_and_the_original_alone() -> None:
    states = DecisionStates.undecided(2)
    copy = states.take(np.array([1]))

    copy.band = 3.0
    assert states.band.tolist() == [-1.0, -1.0]

    states.put(np.array([1]), copy)
    assert states.band.tolist() == [-1.0, 3.0]


def test_select_takes_each_row_from_one_of_two() -> None:
    one, other = DecisionStates.undecided(2), DecisionStates.undecided(2)
    one.day, other.day = 1.0, 2.0

    assert select(np.array([True, False]), one, other).day.tolist() == [1.0, 2.0]


def test_a_customer_without_a_stored_row_has_had_no_message() -> None:
    assert last_sequence(None) == 0
