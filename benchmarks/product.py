"""The product under test: the real `healthsvc process`, measured from outside.

1. Start it on a topic that holds one event (a canary) per partition, and wait until the database says that these
   are counted: started, and idle.
2. Stop it (SIGSTOP), and write the whole load behind the canaries.
3. Wake it (SIGCONT): the clock starts, and its first fetch returns the load's first records.
4. The clock stops when the committed offsets in the database are the ends of the topic. Then everything must have
   been counted, with no dead letter.
"""

import asyncio
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks import load
from benchmarks.ground import COMMAND, ROOT, WORK, BenchmarkError, Ground, environment
from benchmarks.memory import MemoryWatch, cpu_seconds, is_running

START_SECONDS = 120.0
RUN_SECONDS = 600.0
DRAIN_SECONDS = 25.0
POLL_SECONDS = 0.02
SETTLE_SECONDS = 1.0
LEASE_SECONDS = 120  # outlives the stop while the load is written; has no part in the speed


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run: `events` in `seconds`, and what each process took of the processors."""

    events: int
    seconds: float
    cpu_seconds: float
    postgres_cpu_seconds: float = 0.0
    kafka_cpu_seconds: float = 0.0
    peak_mib: float = 0.0

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def measure(
    ground: Ground, database: str, events: load.Load, *, partitions: int, archive: bool, profile: str | None = None
) -> Measured:
    """Run the load through the product, and check that all of it was counted."""
    with _topic(ground.kafka, partitions) as topic, _process(ground, database, topic, archive=archive) as pid:
        return asyncio.run(_measure(ground, database, topic, pid, events, profile))


def fill(ground: Ground, database: str, loads: Iterator[load.Load], tell: Callable[[int], None]) -> None:
    """Let the product itself count the loads one after the other into the database, without the archive."""
    with _topic(ground.kafka, 1) as topic, _process(ground, database, topic, archive=False) as pid:
        for part in loads:
            load.produce(ground.kafka, topic, part)
            asyncio.run(_catch_up(ground, database, topic, pid))
            tell(len(part.values))


async def _catch_up(ground: Ground, database: str, topic: str, pid: int) -> None:
    async with _connected(database) as conn:
        await _wait_for(conn, _ends(ground.kafka, topic), pid, RUN_SECONDS)


async def _measure(
    ground: Ground, database: str, topic: str, pid: int, events: load.Load, profile: str | None
) -> Measured:
    async with _connected(database) as conn:
        await _wait_for(conn, _ends(ground.kafka, topic), pid, START_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        before = await _counted(conn)
        with MemoryWatch(pid) as memory:
            measured = await _timed(conn, ground, topic, pid, events, profile)
        await _check(conn, before, events)
        return Measured(
            events=measured.events,
            seconds=measured.seconds,
            cpu_seconds=measured.cpu_seconds,
            peak_mib=memory.peak_mib,
            postgres_cpu_seconds=measured.postgres_cpu_seconds,
            kafka_cpu_seconds=measured.kafka_cpu_seconds,
        )


async def _timed(
    conn: asyncpg.Connection, ground: Ground, topic: str, pid: int, events: load.Load, profile: str | None
) -> Measured:
    os.kill(pid, signal.SIGSTOP)
    try:
        load.produce(ground.kafka, topic, events)
        ends = _ends(ground.kafka, topic)
    finally:
        before = [cpu_seconds(each) for each in (pid, ground.postgres_pid, ground.kafka_pid)]
        started = time.perf_counter()
        os.kill(pid, signal.SIGCONT)
    recorder = _record(pid, profile)
    await _wait_for(conn, ends, pid, RUN_SECONDS)
    seconds = time.perf_counter() - started
    after = [cpu_seconds(each) for each in (pid, ground.postgres_pid, ground.kafka_pid)]
    own, postgres, kafka = (late - early for early, late in zip(before, after, strict=True))
    if recorder is not None:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(60)
    return Measured(
        events=len(events.values),
        seconds=seconds,
        cpu_seconds=own,
        postgres_cpu_seconds=postgres,
        kafka_cpu_seconds=kafka,
    )


def _record(pid: int, profile: str | None) -> subprocess.Popen[bytes] | None:
    """py-spy beside the process, if asked for: where its time goes, as folded stacks."""
    if profile is None:
        return None
    command = [
        "py-spy",
        "record",
        "--format",
        "raw",
        "--rate",
        "200",
        "--duration",
        "600",
        "--output",
        profile,
        "--pid",
        str(pid),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _check(conn: asyncpg.Connection, before: int, events: load.Load) -> None:
    counted = await _counted(conn) - before
    dead = await conn.fetchrow("select count(*), min(reason) from dead_letters")
    if counted != len(events.values) or dead[0]:
        raise BenchmarkError(f"{counted} of {len(events.values)} events counted, {dead[0]} dead letters ({dead[1]})")


async def _counted(conn: asyncpg.Connection) -> int:
    return int(await conn.fetchval("select coalesce(sum(applied), 0) from partitions"))


async def _wait_for(conn: asyncpg.Connection, ends: dict[int, int], pid: int, limit: float) -> None:
    """Return as soon as the live projection's committed Kafka offsets are `ends`."""
    statement = await conn.prepare(
        "select q.partition, q.kafka_offset from partitions q join projections p on p.id = q.projection"
        " where p.state = 'live'"
    )
    deadline = time.monotonic() + limit
    while True:
        at = {row["partition"]: row["kafka_offset"] for row in await statement.fetch()}
        if all(at.get(partition, -1) >= end for partition, end in ends.items()):
            return
        if time.monotonic() > deadline:
            raise BenchmarkError(
                f"after {limit:.0f} s the product stands at {at}, not {ends}; its log: {WORK / 'product.log'}"
            )
        if not is_running(pid):
            raise BenchmarkError(f"the product ended; its log: {WORK / 'product.log'}")
        await asyncio.sleep(POLL_SECONDS)


def _ends(kafka: str, topic: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "bench-ends"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            for number in partitions
        }
    finally:
        consumer.close()


@contextmanager
def _topic(kafka: str, partitions: int) -> Iterator[str]:
    """A topic of this run alone, with one canary in each partition."""
    topic = f"bench.run.{uuid.uuid4().hex[:8]}"
    load.create_topic(kafka, topic, partitions)
    producer = Producer({"bootstrap.servers": kafka})
    for partition in range(partitions):
        producer.produce(
            topic, load.canary(time.time_ns() // 1_000 - partition, f"canary-{partition}"), partition=partition
        )
    if producer.flush(30):
        raise BenchmarkError("the broker took no canary")
    try:
        yield topic
    finally:
        load.delete_topic(kafka, topic)


@contextmanager
def _process(ground: Ground, database: str, topic: str, *, archive: bool) -> Iterator[int]:
    """`healthsvc process` on the database and topic; ended in good order at the end."""
    variables = environment(
        HEALTHSVC_DATABASE_URL=database,
        HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS=ground.kafka,
        HEALTHSVC_EVENTS_TOPIC=topic,
        HEALTHSVC_ARCHIVE="true" if archive else "false",
        HEALTHSVC_LEASE_SECONDS=str(LEASE_SECONDS),
        HEALTHSVC_METRICS_PORT=str(free_port()),
        HEALTHSVC_DATA_DIR=str(WORK / "data"),
    )
    with open(WORK / "product.log", "wb") as output:
        process = subprocess.Popen(
            [str(COMMAND), "process"], env=variables, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process.pid
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process that we started: in good order, by force after the drain."""
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def _connected(database: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database)
    try:
        yield conn
    finally:
        await conn.close()
