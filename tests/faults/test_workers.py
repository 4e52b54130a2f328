"""Workers that come, go, freeze and die; partitions that grow: each customer has each event
once."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import create_engine
from tests.faults import ask
from tests.faults.hold import Hold, until_one_waits
from tests.faults.oracle import Stream, assert_exact, ends, settled
from tests.faults.workers import Fleet, fleet, until
from tests.support.kafka_broker import grow_topic


async def install(url: str, partitions: int = 4) -> None:
    engine = create_engine(url)
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, partitions)
    await engine.dispose()


@pytest.fixture
def workers(
    database_url: str, kafka: str, kafka_topic: Callable[..., str], tmp_path: Path
) -> Iterator[Fleet]:
    ask.run(install(database_url))
    with fleet(database_url, kafka, kafka_topic(4), tmp_path) as made:
        yield made


def stream(workers: Fleet, *, events: int = 3_000, seconds: float = 6.0, seed: int = 1) -> Stream:
    made = Stream(workers.bootstrap, workers.topic, events=events, seconds=seconds, seed=seed)
    made.start()
    return made


def shared(workers: Fleet, *counts: int) -> Callable[[], bool]:
    return lambda: sorted(workers.owners().values()) == sorted(counts)


def test_a_lease_moves_to_an_added_worker_and_back_at_once_after_a_clean_stop(
    workers: Fleet,
) -> None:
    first = workers.start()
    until(shared(workers, 4), "the first worker has all")
    second = workers.start()
    until(lambda: bool(second.said("role.started")), "the second begins")
    sending = stream(workers, seconds=8)
    until(shared(workers, 2, 2), "both have their share")
    time.sleep(2)
    assert first.stop() == 0
    handed_over = until(shared(workers, 4), "the second has all")
    sending.finish()
    assert_exact(workers.url, sending)
    assert (
        ask.value(workers.url, "select sum(table_offset) from partitions") > 0
    )  # read away from home, handed over
    print(f"measured: clean hand-over {handed_over:.2f} s")


def test_a_frozen_worker_that_wakes_after_its_lease_writes_nothing(workers: Fleet) -> None:
    zombie, other = workers.start(), workers.start()
    until(shared(workers, 2, 2), "both have their share")
    sending = stream(workers, seconds=8)
    time.sleep(1)
    freeze_between_flushes(workers, zombie.pid, zombie.freeze, zombie.thaw)
    taken = until(lambda: workers.owners().get(other.pid) == 4, "the other took its partitions")
    time.sleep(1)
    zombie.thaw()
    until(lambda: bool(zombie.said("flush.fenced")), "the zombie was refused")
    sending.finish()
    assert_exact(workers.url, sending)
    print(f"measured: partitions of a frozen worker taken over after {taken:.2f} s (lease 2 s)")


def freeze_between_flushes(
    workers: Fleet, pid: int, freeze: Callable[[], None], thaw: Callable[[], None]
) -> None:
    """Not inside a transaction, or sending rows in one: its rows would stay locked until the server
    ends its session, after 30 s or two minutes. A transaction of another worker is over soon, one
    of the frozen isn't."""
    begun = """
        select coalesce(array_agg((pid, xact_start)::text), '{}') from pg_stat_activity
        where application_name = 'healthsvc-process' and datname = current_database()
            and xact_start is not null
    """

    def between() -> bool:
        freeze()
        time.sleep(0.05)
        open_ones = set(ask.value(workers.url, begun))
        for _ in range(10):
            if not open_ones:
                return True
            time.sleep(0.02)
            open_ones &= set(ask.value(workers.url, begun))
        thaw()
        return False

    until(between, f"process {pid} is in no transaction")


def test_kill_9_at_random_instants_loses_and_doubles_nothing(workers: Fleet) -> None:
    chance = random.Random(5)
    running = [workers.start(), workers.start()]
    until(shared(workers, 2, 2), "both have their share")
    sending = stream(workers, events=4_000, seconds=8)
    for _ in range(3):
        time.sleep(0.3 + chance.random() * 1.5)
        running.pop(chance.randrange(2)).kill()
        running.append(workers.start())
    sending.finish()
    assert_exact(workers.url, sending)


@pytest.mark.parametrize(
    ("table", "victims"), [("states", 1), ("dedupe_recent", 1), ("log_heads", 2)]
)
def test_kill_9_in_the_middle_of_a_flush_leaves_nothing_of_it(
    workers: Fleet, table: str, victims: int
) -> None:
    """The flush waits for a table that we hold: its offsets are moved, its end isn't reached.
    Hand-overs need two."""
    running = [workers.start() for _ in range(victims)]
    until(shared(workers, *[4 // victims] * victims), "each has its share")
    with Hold(workers.url, f"lock table {table} in share mode"):
        sending = stream(workers, events=600, seconds=1)
        until_one_waits(workers.url, table)
        for victim in running:
            victim.kill()
    for _ in running:
        workers.start()
    sending.finish()
    assert_exact(workers.url, sending)


def test_partitions_grow_from_four_to_eight_in_mid_run(workers: Fleet) -> None:
    workers.start(), workers.start()
    until(shared(workers, 2, 2), "both have their share")
    sending = stream(workers, events=40_000, seconds=100)
    time.sleep(2)
    grow_topic(workers.bootstrap, workers.topic, partitions=8)
    until(shared(workers, 4, 4), "the new partitions are shared")
    until(lambda: all(ends(workers.bootstrap, workers.topic).values()), "each has records")
    sending.finish(now=True)
    assert_exact(workers.url, sending)
    found = ask.rows(workers.url, "select partition, kafka_offset from partitions")
    assert len(found) == 8
    assert all(r["kafka_offset"] > 0 for r in found)


def test_the_oracle_notices_one_lost_and_one_double_event(workers: Fleet) -> None:
    """The checker is checked: without a worker nothing is settled, and a wrong count is told."""
    sending = stream(workers, events=50, seconds=0.2)
    sending.finish()
    assert not settled(workers.url, {0: 1, 1: 1, 2: 1, 3: 1})
    workers.start()
    assert_exact(workers.url, sending)
    some = next(iter(sending.sent))
    for wrong in (1, -2):
        sending.sent[some] += wrong
        with pytest.raises(AssertionError):
            assert_exact(workers.url, sending)
