"""The table of states: rows come and go, pack and load give the same bits, the cold go first."""

import numpy as np
import pytest
from hypothesis import given, settings

from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored, StoredMany
from tests.core.folded import PROGRAM, Event, Fold, at
from tests.core.strategies import histories
from tests.support.makers import make_event


@settings(max_examples=50, deadline=None)
@given(histories())
def test_a_state_loaded_from_its_packed_form_is_the_same_to_the_bit(events: list[Event]) -> None:
    fold = Fold()
    fold.feed(events)
    before, cells = fold.packed(), fold.states.cells[fold.states.rows(sorted(fold.states.row_of))]
    fold.restart()
    assert fold.packed() == before
    assert np.array_equal(fold.states.cells[fold.states.rows(sorted(fold.states.row_of))], cells)


@settings(max_examples=50, deadline=None)
@given(histories(max_events=40, customers=("acme",)))
def test_a_packed_state_stays_under_its_bound(events: list[Event]) -> None:
    fold = Fold()
    fold.feed(events)
    state, _ = fold.packed()["acme"]
    assert len(state) <= 1945  # "1.9 kB always"; a page of PostgreSQL holds four


def test_rows_of_dropped_customers_are_used_again_and_come_empty() -> None:
    states = States(PROGRAM, 2)
    states.admit([("a", 1, 0), ("b", 2, 0)])
    states.facts[:] = 7.0
    with pytest.raises(MemoryError):
        states.admit([("c", 3, 0)])
    states.drop([states.row_of["a"]])
    (row,) = states.admit([("c", 3, 1)])
    assert states.ids[row] == "c"
    assert states.key[row] == 3
    assert states.partition[row] == 1
    risks = states.risk.shape[1]
    assert [bytes(p) for p in states.pack(np.array([row]))] == [
        bytes((4, states.fields, PROGRAM.width, risks, 3)) + bytes(3 * 8 - 5) + bytes(8 * risks)
    ]
    assert states.rows(["a", "b", "c"]).tolist() == [-1, 1, 0]


def test_the_coldest_rows_are_named_never_those_to_be_kept() -> None:
    states = States(PROGRAM, 4)
    rows = states.admit([(c, i, 0) for i, c in enumerate("abcd")])
    states.touched_at[rows] = [1, 4, 2, 3]
    assert sorted(states.coldest(2, np.array([0])).tolist()) == [2, 3]
    assert states.coldest(9, np.array([1, 2, 3])).tolist() == [0]


def test_a_state_of_another_format_is_refused() -> None:
    fold = Fold()
    fold.feed(
        [
            {
                "id": "1",
                "source": "t",
                "type": "feature.used",
                "customer_id": "a",
                "occurred_at": at(0),
                "data": {"feature": "x"},
            }
        ]
    )
    (packed,) = fold.states.pack(np.array([0]))
    changed = bytes([9]) + bytes(packed)[1:]
    stored = Stored("b", 2, 0, changed, fold.states.decisions.packed_row(0), None)
    with pytest.raises(ValueError, match="another format"):
        fold.states.load([stored])


def test_some_of_many_stored_customers_are_the_same_as_those_alone() -> None:
    each = [
        Stored("a", 1, 0, b"12345678", b"AAAA", None),
        Stored("b", 2, 1, None, None, None),
        Stored("c", 3, 1, b"1234567890123456", b"CCCC", '{"name":["c",1.0,2.0]}'),
        Stored("d", 4, 0, b"87654321", b"DDDD", None),
    ]
    for wanted in (
        [True, False, True, False],
        [False, True, False, True],
        [False, False, False, False],
    ):
        some = StoredMany.of(each).only(np.array(wanted))
        alone = StoredMany.of([s for s, w in zip(each, wanted, strict=True) if w])
        for name in ("customer_ids", "states", "decisions", "profiles"):
            assert getattr(some, name) == getattr(alone, name)
        for name in ("keys", "partitions", "widths"):
            assert getattr(some, name).tolist() == getattr(alone, name).tolist()


def test_one_field_of_a_profile_is_seen_alike_in_memory_and_as_it_was_stored_and_nothing_is_unpacked_for_it() -> (
    None
):
    fold = Fold()
    fold.feed(
        [
            make_event(
                "customer.updated",
                id="p",
                customer_id="acme",
                data={"segment": "small", "name": "tier"},
            )
        ]
    )
    for _ in range(2):
        (row,) = fold.states.rows(["acme"]).tolist()
        seen = [fold.states.profile_field(row, name) for name in ("segment", "name", "tier")]
        assert seen == ["small", "tier", None]
        fold.restart()
    (row,) = fold.states.rows(["acme"]).tolist()
    fold.states.profile_field(row, "segment")
    assert isinstance(fold.states._profiles[row], str)


def test_memory_taken_beforehand_changes_nothing_and_only_while_nobody_is_in_it() -> None:
    events = [
        make_event("feature.used", id=c, customer_id=c, data={"feature": "x"}) for c in ("a", "b")
    ]
    fold, settled = Fold(), Fold()
    settled.states.preallocate(1_000)
    for each in (fold, settled):
        each.feed(events)
    assert settled.packed() == fold.packed()
    with pytest.raises(AssertionError, match="nobody is in memory"):
        settled.states.preallocate(1)


def test_columns_are_the_rows_one_after_another_in_memory() -> None:
    states = States(PROGRAM, 3_000)
    chance = np.random.default_rng(5)
    states.cells[:], states.facts[:] = (
        chance.random(states.cells.shape),
        chance.random(states.facts.shape),
    )
    rows = chance.permutation(3_000)[:2_500]
    cells, facts = states.columns(rows)
    assert np.array_equal(cells, states.cells[rows])
    assert np.array_equal(facts, states.facts[rows])
    assert cells[:, 3, 2].flags.c_contiguous
    assert facts[:, 7].flags.c_contiguous
