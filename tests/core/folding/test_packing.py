"""States come back from the database to the bit, in this format and in the former one."""

import numpy as np
import pytest

from healthsvc.core.folding.facts import COLUMN
from healthsvc.core.folding.packing import OtherFormat
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from tests.core.folded import PROGRAM, Fold, at
from tests.support.former_states import former_state
from tests.support.makers import make_event


@pytest.fixture(scope="module")
def fold() -> Fold:
    fold = Fold()
    kinds = (("feature.used", {"feature": "x"}), ("seats.changed", {"seats": 9, "active": 4}))
    fold.feed(
        [
            make_event(type, id=f"{type}{day}", occurred_at=at(day), data=data)
            for type, data in kinds
            for day in (0, 3, 40)
        ]
    )
    return fold


def loaded(fold: Fold, *states: bytes) -> States:
    table = States(PROGRAM, len(states))
    decision = fold.states.decisions.packed_row(0)
    table.load([Stored(f"c{i}", i, 0, s, decision, None) for i, s in enumerate(states)])
    return table


def test_a_state_of_the_former_format_is_read_beside_one_of_this(fold: Fold) -> None:
    (state,) = map(bytes, fold.states.pack(np.array([0])))
    table = loaded(fold, former_state(state), state)
    for row in (0, 1):
        assert table.cells[row].tobytes() == fold.states.cells[0].tobytes()
        assert table.facts[row].tobytes() == fold.states.facts[0].tobytes()
        assert table.risk[row].tobytes() == fold.states.risk[0].tobytes()
    assert [bytes(s) for s in table.pack(np.array([0, 1]))] == [state, state]


def test_a_state_of_a_version_with_fewer_facts_is_read_and_one_with_more_is_refused() -> None:
    fold = Fold()
    fold.feed([make_event("subscription.renewed", data={"mrr": 50})])
    (state,) = map(bytes, fold.states.pack(np.array([0])))
    words = state[4]
    head, rest = state[5 : words * 8], state[words * 8 :]
    assert head[-8:] == bytes(8)
    fewer = state[:4] + bytes((words - 1,)) + head[:-8] + rest
    table = loaded(fold, fewer)
    assert table.facts[0].tobytes() == fold.states.facts[0].tobytes()
    assert [bytes(s) for s in table.pack(np.array([0]))] == [state]
    with pytest.raises(OtherFormat):
        loaded(fold, state[:4] + bytes((words + 1,)) + head + bytes(8) + rest)


@pytest.mark.parametrize("later", [(), (30,), (10, 30), (20, 10)])
def test_what_equals_its_twin_is_left_out_and_comes_back(later: tuple[int, ...]) -> None:
    fold = Fold()
    steps = [
        ("customer.updated", {"seats": 20, "features_owned": 8}),
        ("subscription.changed", {"mrr": 490, "previous_mrr": 400, "currency": "EUR"}),
        *(("seats.changed", {"seats": seats}) for seats in later),
    ]
    for day, (type, data) in enumerate(steps):
        fold.feed([make_event(type, id=str(day), occurred_at=at(day), data=data)])
    (state,) = map(bytes, fold.states.pack(np.array([0])))
    table = loaded(fold, state)
    assert table.facts[0].tobytes() == fold.states.facts[0].tobytes()
    assert [bytes(s) for s in table.pack(np.array([0]))] == [state]
    bits = np.unpackbits(np.frombuffer(state[5 : state[4] * 8], np.uint8))[PROGRAM.width :]
    assert not bits[[COLUMN["features_owned_most"], COLUMN["currency_told_at"]]].any()
    assert bits[COLUMN["seats_most"]] == (later == (20, 10))
