"""When flushes are due: at once while the input is drained, seldom while a backlog is caught up with."""

import numpy as np

from healthsvc.flows.held import Pending
from healthsvc.flows.pace import Pace, Waiting
from healthsvc.flows.ports import Chunk, Reading

PACE = Pace(flush_events=1_000, flush_seconds=0.0, backlog_seconds=60.0, read_records=100)


def reading(*, waiting: int) -> Reading:
    chunk = Chunk(
        partition=0, values=[b"{}"], headers=None, first=0, next=1, positions=None, logged_us=np.zeros(1, np.int64)
    )
    return Reading(chunks=[chunk], read_through={}, drained=not waiting, waiting=waiting)


def pending(events: int = 1) -> Pending:
    return Pending(events=events, records=events, moved={0})


def test_a_drained_input_is_flushed_at_once():
    waiting = Waiting(PACE)
    waiting.note("kafka", reading(waiting=0))
    assert waiting.is_due(pending())


def test_a_few_waiting_records_are_no_backlog():
    waiting = Waiting(PACE)
    waiting.note("kafka", reading(waiting=99))
    assert waiting.is_due(pending())


def test_a_backlog_is_flushed_when_it_is_full_or_gone_and_not_with_every_read():
    waiting = Waiting(PACE)
    waiting.note("kafka", reading(waiting=100))
    assert not waiting.is_due(pending())
    assert waiting.is_due(pending(events=1_000))
    waiting.note("kafka", reading(waiting=1))
    assert not waiting.is_due(pending())
    waiting.note("kafka", reading(waiting=0))
    assert waiting.is_due(pending())


def test_a_backlog_in_one_input_makes_the_other_wait_with_it():
    waiting = Waiting(PACE)
    waiting.note("kafka", reading(waiting=100))
    waiting.note("table", reading(waiting=0))
    assert not waiting.is_due(pending())


def test_an_event_in_a_backlog_waits_for_a_bounded_time():
    waiting = Waiting(Pace(flush_seconds=0.0, backlog_seconds=0.0, read_records=100))
    waiting.note("kafka", reading(waiting=100))
    assert waiting.is_due(pending())


def test_nothing_read_gives_nothing_to_wait_for():
    waiting = Waiting(PACE)
    assert waiting.seconds_left() == float("inf")
    waiting.note("kafka", reading(waiting=100))
    assert 0 < waiting.seconds_left() <= 60
    waiting.flushed()
    assert waiting.seconds_left() == float("inf")
