"""Slots for tries: endpoints prove themselves, and none takes the others' slots."""

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from healthsvc.core.delivery_slots import (
    NEW,
    PROVEN_AFTER,
    SLOW_TICKS,
    Opening,
    Pool,
    Slots,
    Trust,
    after_failure,
    after_success,
    sizes,
)

LIMIT = 8


@pytest.mark.parametrize(
    ("before", "slow", "after"),
    [
        (NEW, False, Trust(window=2, streak=1)),
        (Trust(window=8, streak=9), False, Trust(window=8, streak=10)),
        (Trust(window=2, streak=2), True, Trust(window=3, streak=0)),
    ],
)
def test_a_success_widens_the_window_and_a_fast_one_adds_to_the_proof(
    before: Trust, slow: bool, after: Trust
) -> None:
    assert after_success(before, slow=slow, limit=LIMIT) == after


@pytest.mark.parametrize(
    ("before", "slow", "after"),
    [
        (Trust(window=8, streak=9), False, Trust(window=4, streak=0)),
        (NEW, False, NEW),
        (Trust(window=8, streak=9), True, NEW),
    ],
)
def test_a_failure_ends_the_proof_and_narrows_the_window(
    before: Trust, slow: bool, after: Trust
) -> None:
    assert after_failure(before, slow=slow) == after


def test_an_endpoint_on_probation_becomes_proven_by_fast_successes() -> None:
    slots = make_slots()
    for number in range(PROVEN_AFTER):
        assert not slots.trust("new").is_proven
        deliver(slots, number, "new")

    slots.begin(99, "new", failing=False)

    assert slots.used[Pool.PROVEN] == 1
    assert slots.in_probation == 0


def test_a_try_that_takes_long_frees_its_slot_and_ends_the_proof() -> None:
    slots = make_slots()
    prove(slots, "ep")
    for number in range(4):
        slots.begin(number, "ep", failing=False)

    for number in (0, 1, 3):
        slots.end(number, success=True)
    wait(slots, SLOW_TICKS - 1)
    assert slots.used[Pool.SLOW] == 0
    assert slots.tick()

    assert slots.used == {Pool.PROVEN: 3, Pool.PROBATION: 0, Pool.FAILING: 0, Pool.SLOW: 1}
    assert not slots.trust("ep").is_proven
    assert slots.allowances()["ep"].window == 1


def test_slow_tries_beyond_their_pool_keep_their_slots_until_one_of_them_ends() -> None:
    slots = make_slots(concurrency=4)
    prove(slots, "ep")
    for number in range(3):
        slots.begin(number, "ep", failing=False)
    wait(slots, SLOW_TICKS)
    assert (slots.used[Pool.SLOW], slots.used[Pool.PROVEN]) == (2, 1)

    slots.end(0, success=False)
    slots.release(0)

    assert (slots.used[Pool.SLOW], slots.used[Pool.PROVEN]) == (2, 0)


def test_an_endpoint_without_tries_for_a_while_begins_anew() -> None:
    slots = make_slots()
    prove(slots, "ep")

    slots.forget_idle()
    assert slots.trust("ep").is_proven
    slots.forget_idle()

    assert slots.trust("ep") == NEW
    assert slots.allowances() == {}


def test_proven_endpoints_that_begin_to_hang_together_leave_slots_to_those_without_a_try() -> None:
    slots = make_slots(concurrency=256)
    hanging = [f"hanging {number}" for number in range(60)]
    for endpoint_id in hanging:
        prove(slots, endpoint_id)

    claim_all(slots, dict.fromkeys(hanging, 8))

    assert slots.used[Pool.PROVEN] > 60
    assert slots.openings()[Pool.PROVEN].free >= 31


def make_slots(concurrency: int = 256) -> Slots:
    return Slots(concurrency=concurrency, per_endpoint=LIMIT)


def deliver(slots: Slots, delivery_id: int, endpoint_id: str) -> None:
    """A try that succeeds at once."""
    slots.begin(delivery_id, endpoint_id, failing=False)
    slots.end(delivery_id, success=True)
    slots.release(delivery_id)


def wait(slots: Slots, ticks: int) -> None:
    for _ in range(ticks):
        slots.tick()


def prove(slots: Slots, endpoint_id: str) -> None:
    for _ in range(LIMIT):
        deliver(slots, -1, endpoint_id)


def claim_all(slots: Slots, due: dict[str, int]) -> None:
    """Begin tries as the store's claim does, first ones first."""
    numbers = iter(range(max(slots.running, default=0) + 1, 1_000_000))
    tries = Counter(slots.running.values())
    for nth in range(1, LIMIT + 1):
        for endpoint_id, count in due.items():
            trust = slots.trust(endpoint_id)
            opening = slots.openings()[Pool.PROVEN if trust.is_proven else Pool.PROBATION]
            is_next = tries[endpoint_id] == nth - 1 and count > 0
            if is_next and nth <= trust.window and opening.admits(nth):
                slots.begin(next(numbers), endpoint_id, failing=False)
                tries[endpoint_id] += 1
                due[endpoint_id] -= 1


class Scheduling(RuleBasedStateMachine):
    """Any course of claims, hanging, ends and idleness."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = make_slots(concurrency=16)
        self.ended: set[int] = set()
        self.next_id = 0

    @rule(number=st.integers(0, 39), due=st.integers(1, 8), failing=st.booleans())
    def claim(self, number: int, due: int, failing: bool) -> None:
        endpoint_id = f"ep {number}"
        for _ in range(due):
            tries = list(self.slots.running.values()).count(endpoint_id)
            trust = NEW if failing else self.slots.trust(endpoint_id)
            pool = Pool.FAILING if failing else Pool.PROVEN if trust.is_proven else Pool.PROBATION
            if tries >= trust.window or not self.slots.openings()[pool].admits(tries + 1):
                break
            self.slots.begin(self.next_id, endpoint_id, failing=failing)
            self.next_id += 1

    def running(self) -> list[int]:
        return [each for each in self.slots.running if each not in self.ended]

    @rule(ticks=st.integers(1, 2 * SLOW_TICKS))
    def wait(self, ticks: int) -> None:
        wait(self.slots, ticks)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), success=st.booleans())
    def end(self, data: st.DataObject, success: bool) -> None:
        delivery_id = data.draw(st.sampled_from(self.running()))
        self.slots.end(delivery_id, success=success)
        self.ended.add(delivery_id)

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        delivery_id = data.draw(st.sampled_from(sorted(self.ended)))
        self.slots.release(delivery_id)
        self.ended.discard(delivery_id)

    @rule()
    def forget(self) -> None:
        self.slots.forget_idle()

    @invariant()
    def pools_hold_between_none_and_all_of_their_slots(self) -> None:
        for pool, size in sizes(16).items():
            assert 0 <= self.slots.used[pool] <= size
        assert sum(self.slots.used.values()) == len(self.slots.running)

    @invariant()
    def slow_tries_hold_a_fast_slot_only_while_the_slow_pool_is_full(self) -> None:
        slots, full = self.slots, sizes(16)[Pool.SLOW]
        assert not slots._overdue or slots.used[Pool.SLOW] == full

    @invariant()
    def windows_stay_between_one_and_the_limit(self) -> None:
        assert all(1 <= each.window <= LIMIT for each in self.slots.allowances().values())

    def teardown(self) -> None:
        """Whatever happened, all slots come back, and an endpoint that failed all the time gets its
        try."""
        for delivery_id in self.slots.running:
            if delivery_id not in self.ended:
                self.slots.end(delivery_id, success=False)
            self.slots.release(delivery_id)
        assert set(self.slots.used.values()) == {0}
        assert not self.slots.is_binding
        assert all(opening.admits(1) for opening in self.slots.openings().values())


test_any_course_of_tries = Scheduling.TestCase


def test_the_last_slots_are_for_first_tries() -> None:
    assert Opening(free=1, spacing=4).admits(1)
    assert not Opening(free=7, spacing=4).admits(2)
    assert Opening(free=8, spacing=4).admits(2)
    assert not Opening(free=0, spacing=4).admits(1)
