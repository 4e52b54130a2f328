"""When flushes are due: at once while the input is drained, seldom while a backlog is caught up
with."""

import numpy as np

from healthsvc.core.instants import SECOND_US
from healthsvc.flows.processing.flush_policy import FlushPolicy, FlushState
from healthsvc.flows.processing.owned_partition import Pending
from healthsvc.flows.processing.ports import Chunk, InputReading

PACE = FlushPolicy(
    flush_events=1_000,
    flush_customers=500,
    flush_seconds=0.0,
    backlog_seconds=60.0,
    read_records=100,
)
LATE_US = 300 * SECOND_US  # a backlog, so late that it waits for as long as it may


def reading(*, waiting: int) -> InputReading:
    chunk = Chunk(
        partition=0,
        values=[b"{}"],
        headers=None,
        first=0,
        next=1,
        positions=None,
        logged_us=np.zeros(1, np.int64),
    )
    return InputReading(chunks=[chunk], read_through={}, drained=not waiting, waiting=waiting)


def still() -> float:
    """A clock that stands."""
    return 7.0


def pending(events: int = 1, customers: int = 1) -> Pending:
    return Pending(events=events, records=events, customers=customers, advanced={0})


def test_a_drained_input_is_flushed_at_once():
    waiting = FlushState(PACE, still)
    waiting.note("kafka", reading(waiting=0), LATE_US)
    assert waiting.is_due(pending())


def test_a_few_waiting_records_are_no_backlog():
    waiting = FlushState(PACE, still)
    waiting.note("kafka", reading(waiting=99), LATE_US)
    assert waiting.is_due(pending())


def test_a_backlog_is_flushed_when_it_is_full_or_gone_and_not_with_every_read():
    waiting = FlushState(PACE, still)
    waiting.note("kafka", reading(waiting=100), LATE_US)
    assert not waiting.is_due(pending())
    assert waiting.is_due(pending(events=1_000))
    waiting.note("kafka", reading(waiting=1), LATE_US)
    assert not waiting.is_due(pending())
    waiting.note("kafka", reading(waiting=0), LATE_US)
    assert waiting.is_due(pending())


def test_a_backlog_in_one_input_makes_the_other_wait_with_it():
    waiting = FlushState(PACE, still)
    waiting.note("kafka", reading(waiting=100), LATE_US)
    waiting.note("table", reading(waiting=0), LATE_US)
    assert not waiting.is_due(pending())


def test_an_event_in_a_backlog_waits_for_a_bounded_time():
    waiting = FlushState(
        FlushPolicy(
            flush_seconds=0.0, backlog_seconds=0.0, backlog_least_seconds=0.0, read_records=100
        )
    )
    waiting.note("kafka", reading(waiting=100), LATE_US)
    assert waiting.is_due(pending())


def test_nothing_read_gives_nothing_to_wait_for():
    waiting = FlushState(PACE, still)
    assert waiting.seconds_left() == float("inf")
    waiting.note("kafka", reading(waiting=100), LATE_US)
    assert waiting.seconds_left() == 60
    waiting.flushed()
    assert waiting.seconds_left() == float("inf")


def test_a_flush_is_full_with_so_many_events_or_customers():
    waiting = FlushState(PACE, still)
    waiting.note("kafka", reading(waiting=100_000), LATE_US)
    assert waiting.is_due(pending(events=1_000))
    assert waiting.is_due(pending(events=600, customers=500))
    assert not waiting.is_due(pending(events=999, customers=499))


def test_the_end_of_a_backlog_is_written_by_halves():
    waiting = FlushState(PACE, still)
    for left in (800, 401):
        waiting.note("kafka", reading(waiting=left - 100), LATE_US)
        waiting.note("table", reading(waiting=100), LATE_US)
        assert not waiting.is_due(pending(events=400))
    waiting.note("kafka", reading(waiting=300), LATE_US)
    assert waiting.is_due(pending(events=400))
    waiting.note("kafka", reading(waiting=0), LATE_US)
    assert waiting.is_due(pending(events=100))
    assert not waiting.is_due(pending(events=99))


def test_an_event_in_a_backlog_waits_by_how_late_it_is():
    waiting = FlushState(PACE, still)
    waiting.note("kafka", reading(waiting=100), 20 * SECOND_US)
    assert waiting.seconds_left() == 40
    waiting.flushed()
    waiting.note("kafka", reading(waiting=100), -SECOND_US)  # a producer's clock is ahead
    assert waiting.seconds_left() == PACE.backlog_least_seconds


def test_flushes_that_fail_are_made_smaller_until_they_succeed():
    waiting = FlushState(PACE, still)
    waiting.note("kafka", reading(waiting=100_000), LATE_US)
    assert not waiting.is_due(pending(events=500, customers=249))
    waiting.failed()
    assert waiting.is_due(pending(events=500))
    assert waiting.is_due(pending(customers=250))
    assert waiting.seconds_left() == 30
    waiting.grow()
    assert not waiting.is_due(pending(events=500))
    for _ in range(50):
        waiting.failed()
    assert not waiting.is_due(pending(events=1_000 // 64, customers=7))
