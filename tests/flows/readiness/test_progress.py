"""Progress is what is committed: a partition that reads the same record for ever stands still,
whatever is said."""

import math

import pytest

from healthsvc.flows.readiness.progress import InputProgress
from healthsvc.telemetry import LOG_LAG


class Monotonic:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Monotonic:
    return Monotonic()


@pytest.fixture
def progress(clock: Monotonic) -> InputProgress:
    return InputProgress(30.0, clock=clock)


def lag(partition: int) -> float | None:
    """What the metric says; None: nothing."""
    samples = [s for family in LOG_LAG.collect() for s in family.samples]
    return next(
        (
            s.value
            for s in samples
            if s.labels == {"source_kind": "kafka", "partition": str(partition)}
        ),
        None,
    )


def test_a_partition_that_stands_is_told_after_the_time_and_not_once_it_moves(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0, 1], {0: 5, 1: 7})
    progress.ends("kafka", {0: 9, 1: 7})
    clock.seconds += 31

    (stall,) = progress.stalled()
    assert (stall.source, stall.partition, stall.offset, stall.end, stall.seconds) == (
        "kafka",
        0,
        5,
        9,
        31,
    )
    assert (lag(0), lag(1)) == (4.0, 0.0)

    progress.committed("kafka", {0: 6})
    assert progress.stalled() == []
    assert lag(0) == 3.0


def test_taking_a_partition_anew_where_it_stood_is_no_progress(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0], {0: 5})
    progress.ends("kafka", {0: 9})
    for _ in range(4):
        clock.seconds += 10
        progress.hold("kafka", [0], {0: 5})
        progress.ends("kafka", {0: 9})

    assert [stall.seconds for stall in progress.stalled()] == [40]


def test_a_backlog_that_is_worked_off_slowly_is_progress(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0], {0: 0})
    for offset in range(1, 6):
        progress.ends("kafka", {0: 1000 + offset})
        clock.seconds += 25
        progress.committed("kafka", {0: offset})

    assert progress.stalled() == []
    assert lag(0) == 1000.0


def test_records_behind_an_open_transaction_lag_and_are_nobodys_fault(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0], {0: 5})
    progress.ends("kafka", {0: 9}, readable={0: 5})
    clock.seconds += 31
    assert (progress.stalled(), lag(0)) == ([], 4.0)

    progress.ends("kafka", {0: 9}, readable={0: 6})  # one could be read, and isn't
    clock.seconds += 31
    assert [stall.partition for stall in progress.stalled()] == [0]


def test_a_topic_read_from_its_beginning_lags_behind_what_there_is(progress: InputProgress) -> None:
    progress.hold("kafka", [0], {0: -1})
    progress.begins("kafka", {0: 1000})
    progress.ends("kafka", {0: 1000})

    assert lag(0) == 0.0


def test_while_the_source_is_away_the_lag_is_unknown_and_nothing_stands_but_the_source(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0], {0: 5})
    assert math.isnan(lag(0) or 0)  # nobody has asked for its end yet
    progress.ends("kafka", {0: 9})
    progress.away("kafka", "KafkaConnectionError()")
    clock.seconds += 31

    assert math.isnan(lag(0) or 0)
    assert progress.stalled() == []
    assert [(away.source, away.seconds) for away in progress.unreachable()] == [("kafka", 31)]

    progress.ends("kafka", {0: 9})
    assert (progress.unreachable(), lag(0)) == ([], 4.0)


def test_a_partition_that_is_given_up_says_nothing_instead_of_zero(progress: InputProgress) -> None:
    progress.hold("kafka", [0], {0: 5})
    progress.ends("kafka", {0: 9})
    progress.hold("kafka", [], {})
    progress.ends("kafka", {0: 11})

    assert lag(0) is None


def test_a_flush_under_way_is_slow_before_its_partitions_stand_still(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0], {0: 5})
    progress.ends("kafka", {0: 9})
    progress.flush_begun()
    assert progress.slow_flush_seconds() is None

    clock.seconds += 31
    assert (progress.stalled(), progress.slow_flush_seconds()) == ([], 31)

    clock.seconds += 90
    assert [stall.seconds for stall in progress.stalled()] == [121]


def test_a_flush_that_is_committed_at_last_was_progress(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0], {0: 5})
    progress.ends("kafka", {0: 9})
    progress.flush_begun()
    clock.seconds += 100
    progress.flush_ended(committed=True)
    progress.committed("kafka", {0: 8})

    assert (progress.stalled(), progress.slow_flush_seconds()) == ([], None)


def test_a_flush_that_failed_earns_no_patience_for_the_next_one(
    progress: InputProgress, clock: Monotonic
) -> None:
    progress.hold("kafka", [0], {0: 5})
    progress.ends("kafka", {0: 9})
    progress.flush_begun()
    clock.seconds += 20
    progress.flush_ended(committed=False)
    progress.flush_begun()
    clock.seconds += 11

    assert [stall.seconds for stall in progress.stalled()] == [31]
