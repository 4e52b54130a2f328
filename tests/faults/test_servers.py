"""The broker and the database go away and come back: nothing is lost or doubled, nobody is called
silent for it."""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from healthsvc.log.kafka.input import KafkaInput
from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database import schema
from tests.faults import ask
from tests.faults.oracle import Stream, assert_exact
from tests.faults.test_workers import freeze_between_flushes, install, shared
from tests.faults.workers import Fleet, Worker, fleet
from tests.faults.workers import until as wait_until
from tests.flows.processing.test_worker import (
    SILENCE,
    has_applied,
    has_silences,
    produce,
    silences,
    used,
)
from tests.flows.spine import installed, processing, wall
from tests.support.clock import Clock
from tests.support.kafka_broker import KafkaBroker, create_topic, grow_topic
from tests.support.waiting import until

TOPIC = "events"


@pytest.fixture
def broker() -> Iterator[KafkaBroker]:
    made = KafkaBroker()
    made.start()
    create_topic(made.address, TOPIC, partitions=4)
    yield made
    made.close()


def started(url: str, bootstrap: str) -> Stream:
    made = Stream(bootstrap, TOPIC, events=3_000, seconds=8)
    made.start()
    return made


def test_a_broker_that_is_killed_and_comes_back_costs_no_event(
    database_url: str, broker: KafkaBroker, tmp_path: Path
) -> None:
    ask.run(install(database_url))
    with fleet(database_url, broker.address, TOPIC, tmp_path) as workers:
        workers.start(), workers.start()
        wait_until(shared(workers, 2, 2), "both have their share")
        sending = started(database_url, broker.address)
        time.sleep(2)
        broker.kill()
        time.sleep(1)
        broker.start()
        sending.finish()
        took = assert_exact(database_url, sending)
        print(f"measured: caught up {took:.1f} s after the last acknowledgement")


@pytest.fixture
def database(own_postgres: EmbeddedPostgres) -> str:
    url = own_postgres.start()
    ask.run(schema.upgrade(url))
    ask.run(install(url))
    return url


def test_a_database_that_restarts_costs_no_event(
    own_postgres: EmbeddedPostgres, database: str, broker: KafkaBroker, tmp_path: Path
) -> None:
    with fleet(database, broker.address, TOPIC, tmp_path) as workers:
        running = [workers.start(), workers.start()]
        wait_until(shared(workers, 2, 2), "both have their share")
        sending = started(database, broker.address)
        time.sleep(2)
        own_postgres.stop()
        time.sleep(1)
        own_postgres.start()
        time.sleep(2)
        kill_server(own_postgres)
        own_postgres.start()
        sending.finish()
        took = assert_exact(database, sending)
        assert all(worker.alive for worker in running)
        print(f"measured: caught up {took:.1f} s after the last acknowledgement")


def kill_server(server: EmbeddedPostgres) -> None:
    """A crash: the postmaster and, seeing it gone, its children end without a word."""
    assert server.pid is not None
    os.kill(server.pid, 9)
    wait_until(lambda: server.pid is None, "the server is gone")


async def test_while_the_broker_is_away_nobody_is_called_silent(
    engine, database_url: str, broker: KafkaBroker
) -> None:
    """The worker starts in the outage; the event that breaks the silence waits in the topic."""
    await installed(engine)
    clock = Clock(wall())
    last = clock.at - timedelta(days=1)
    begins = last + SILENCE
    quiet = [used(name, last - timedelta(hours=i)) for name in ("busy", "gone") for i in range(4)]
    async with processing(engine, database_url, clock, inputs=[source(broker, clock)]):
        await asyncio.to_thread(produce, broker.address, TOPIC, quiet)
        await until(lambda: has_applied(engine, len(quiet)))
    clock.at = begins - timedelta(minutes=5)
    await asyncio.to_thread(produce, broker.address, TOPIC, [used("busy", clock.at)])
    await asyncio.to_thread(broker.kill)

    clock.at = begins + timedelta(hours=1)
    async with processing(engine, database_url, clock, worker="w2", inputs=[source(broker, clock)]):
        await asyncio.sleep(4)
        in_the_outage = await silences(engine)
        await asyncio.to_thread(broker.start)
        await until(lambda: has_silences(engine, 1))
        await until(lambda: has_applied(engine, len(quiet) + 1))
        await asyncio.sleep(1.5)
        await asyncio.to_thread(broker.kill)  # and again, under a worker that had been connected
        clock.at = clock.at + SILENCE
        await asyncio.sleep(4)

    assert in_the_outage == []
    assert [(r.customer_id, r.onset_at) for r in await silences(engine)] == [("gone", begins)]


def source(broker: KafkaBroker, clock: Clock) -> KafkaInput:
    return KafkaInput(bootstrap_servers=broker.address, topic=TOPIC, now=clock)


# The long version
# --------------------------------------------------------------------------------------------------


def soak_seconds() -> float:
    minutes = float(os.environ.get("HEALTHSVC_TEST_SOAK_MINUTES", "3"))
    return float(os.environ.get("HEALTHSVC_SOAK_SECONDS", str(60 * minutes)))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_random_faults_lose_and_double_nothing(
    own_postgres: EmbeddedPostgres, database: str, broker: KafkaBroker, tmp_path: Path
) -> None:
    """Kills, freezes, clean stops, restarts of the broker and of the database at random, for the
    time given."""
    seed = int(os.environ.get("HEALTHSVC_SOAK_SEED", str(time.time_ns() % 100_000)))
    chance, seconds = random.Random(seed), soak_seconds()
    faults: dict[str, int] = {}
    with fleet(database, broker.address, TOPIC, tmp_path) as workers:
        running = [workers.start(), workers.start()]
        wait_until(shared(workers, 2, 2), "both have their share")
        rate = 300
        sending = Stream(
            broker.address,
            TOPIC,
            events=int(seconds * rate),
            seconds=seconds,
            customers=2_000,
            seed=seed,
        )
        sending.start()
        deadline, grown = time.monotonic() + seconds, False
        while time.monotonic() < deadline:
            time.sleep(chance.uniform(0.2, 4))
            fault = chance.choices(list(FAULTS), weights=[5, 3, 3, 1, 1, 1])[0]
            if time.monotonic() > deadline - seconds / 2 and not grown:
                grow_topic(broker.address, TOPIC, partitions=8)
                grown = True
            FAULTS[fault](workers, running, chance, broker, own_postgres)
            faults[fault] = faults.get(fault, 0) + 1
            _replace_the_dead(workers, running, faults)
        sending.finish(now=True)
        _replace_the_dead(workers, running, faults)
        took = assert_exact(database, sending, seconds=300)
        refused = sum(len(w.said("flush.fenced")) for w in workers.started)
        print(
            f"measured: seed {seed}, {sending.events} events in {sending.records} records, faults"
            f" {faults},"
        )
        print(
            f"measured: {refused} times fenced, settled {took:.1f} s after the last acknowledgement"
        )


def _replace_the_dead(workers: Fleet, running: list[Worker], faults: dict[str, int]) -> None:
    """As a supervisor does: a worker that starts while the database is away gives up with a
    word."""
    for place, worker in enumerate(running):
        if not worker.alive:
            faults["ended by itself"] = faults.get("ended by itself", 0) + 1
            running[place] = workers.start()


def _kill(workers: Fleet, running: list[Worker], chance: random.Random, *_: object) -> None:
    running.pop(chance.randrange(len(running))).kill()
    running.append(workers.start())


def _stop(workers: Fleet, running: list[Worker], chance: random.Random, *_: object) -> None:
    worker = running.pop(chance.randrange(len(running)))
    if worker.said("role.started"):
        assert worker.stop() == 0
    else:
        worker.kill()  # a process that still imports its modules knows no clean stop
    running.append(workers.start())


def _freeze(workers: Fleet, running: list[Worker], chance: random.Random, *_: object) -> None:
    worker = chance.choice(running)
    freeze_between_flushes(workers, worker.pid, worker.freeze, worker.thaw)
    time.sleep(chance.uniform(2.5, 6))
    worker.thaw()


def _freeze_anywhere(
    workers: Fleet, running: list[Worker], chance: random.Random, *_: object
) -> None:
    worker = chance.choice(running)
    worker.freeze()
    time.sleep(chance.uniform(0.5, 6))
    worker.thaw()


def _broker(
    workers: Fleet, running: list[Worker], chance: random.Random, broker: KafkaBroker, _: object
) -> None:
    chance.choice([broker.kill, broker.stop])()
    time.sleep(chance.uniform(0, 3))
    broker.start()


def _database(
    workers: Fleet,
    running: list[Worker],
    chance: random.Random,
    broker: KafkaBroker,
    server: EmbeddedPostgres,
) -> None:
    if chance.random() < 0.5:
        kill_server(server)
    else:
        server.stop()
    time.sleep(chance.uniform(0, 3))
    server.start()


FAULTS = {
    "kill -9": _kill,
    "clean stop": _stop,
    "frozen past the lease": _freeze,
    "frozen anywhere": _freeze_anywhere,
    "broker restart": _broker,
    "database restart": _database,
}
