"""The product under test: the real `healthsvc process`, as many as asked for side by side, measured
from outside.

1. Start them on a topic that holds one event (a canary) per partition, and wait until the database
   says that these
   are counted and that each process has its share of the partitions: started, and idle.
2. Write the whole load behind the canaries within a Kafka transaction: the product doesn't see it
   yet.
3. Commit the transaction: the clock starts, and all of the load is there to be read at once.
4. The clock stops when the database has committed that all of it is counted. There must be no dead
   letter.
"""

import asyncio
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO

import asyncpg
from confluent_kafka import Producer

from benchmarks import load
from benchmarks.ground import COMMAND, ROOT, WORK, BenchmarkError, Ground, environment
from benchmarks.memory import MemoryWatch, cpu_seconds, is_running

START_SECONDS = 120.0
RUN_SECONDS = 600.0
DRAIN_SECONDS = 25.0
POLL_SECONDS = 0.02
SETTLE_SECONDS = 1.0
LOG = WORK / "product.log"
UNDECIDED = """
    select exists (select from timers where due_at <= now()) or exists (
        select from states s where not exists (select from standings l
            where l.customer_key = s.customer_key))
"""
COUNTED = """
    select coalesce(sum(q.applied), 0)::bigint from partitions q join projections p
        on p.id = q.projection
    where p.state = 'live'
"""


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
    ground: Ground,
    database: str,
    events: load.Load,
    *,
    partitions: int,
    workers: int,
    archive: bool,
    profile: str | None = None,
) -> Measured:
    """Run the load through the product, and check that all of it was counted."""
    with (
        _topic(ground.kafka, partitions) as topic,
        _processes(ground, database, topic, archive=archive, workers=workers) as pids,
    ):
        return asyncio.run(_measure(ground, database, topic, pids, partitions, events, profile))


def fill(ground: Ground, database: str, events: load.Load, partitions: int) -> None:
    """Let the product itself count a load into the database, without the archive."""
    with (
        _topic(ground.kafka, partitions) as topic,
        _processes(ground, database, topic, archive=False, workers=1) as pids,
    ):
        load.produce(ground.kafka, topic, events)
        asyncio.run(_catch_up(database, partitions + len(events.values), pids))


async def _catch_up(database: str, goal: int, pids: Sequence[int]) -> None:
    async with _connected(database) as conn:
        await _wait_for(conn, goal, pids, RUN_SECONDS)
        deadline = time.monotonic() + RUN_SECONDS
        while await conn.fetchval(UNDECIDED):
            if time.monotonic() > deadline:
                raise BenchmarkError(f"customers are still to be decided; log: {LOG}")
            await asyncio.sleep(1.0)


async def _measure(
    ground: Ground,
    database: str,
    topic: str,
    pids: Sequence[int],
    partitions: int,
    events: load.Load,
    profile: str | None,
) -> Measured:
    async with _connected(database) as conn:
        start = await _counted(conn) + partitions
        await _wait_for(conn, start, pids, START_SECONDS)
        await _shared(conn, len(pids))
        commit = load.produce_unseen(ground.kafka, topic, events)
        await asyncio.sleep(SETTLE_SECONDS)
        with MemoryWatch(pids) as memory:
            seconds, (own, postgres, kafka) = await _timed(
                conn, ground, pids, start + len(events.values), commit, profile
            )
        await _check(conn)
        return Measured(
            events=len(events.values),
            seconds=seconds,
            cpu_seconds=own,
            postgres_cpu_seconds=postgres,
            kafka_cpu_seconds=kafka,
            peak_mib=memory.peak_mib,
        )


async def _timed(
    conn: asyncpg.Connection,
    ground: Ground,
    pids: Sequence[int],
    goal: int,
    commit: Callable[[], None],
    profile: str | None,
) -> tuple[float, list[float]]:
    """Wall seconds from the commit to the goal, and processor seconds meanwhile: ours,
    PostgreSQL's, Kafka's."""
    groups = (pids, (ground.postgres_pid,), (ground.kafka_pid,))
    recorder = _record(pids[0], profile)
    before = [sum(map(cpu_seconds, group)) for group in groups]
    started = time.perf_counter()
    commit()
    await _wait_for(conn, goal, pids, RUN_SECONDS)
    seconds = time.perf_counter() - started
    after = [sum(map(cpu_seconds, group)) for group in groups]
    if recorder is not None:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(60)
    return seconds, [late - early for early, late in zip(before, after, strict=True)]


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


async def _check(conn: asyncpg.Connection) -> None:
    dead = await conn.fetchrow("select count(*), min(reason) from dead_letters")
    if dead[0]:
        raise BenchmarkError(f"{dead[0]} events became dead letters: {dead[1]}")


async def _counted(conn: asyncpg.Connection) -> int:
    """Events that the live projection has counted, as committed."""
    return int(await conn.fetchval(COUNTED))


async def _wait_for(conn: asyncpg.Connection, goal: int, pids: Sequence[int], limit: float) -> None:
    """Return as soon as so many events are counted; more would be a fault, too."""
    statement = await conn.prepare(COUNTED)
    deadline = time.monotonic() + limit
    while (counted := await statement.fetchval()) != goal:
        if counted > goal or time.monotonic() > deadline:
            raise BenchmarkError(
                f"{counted} events counted, not {goal}, after {limit:.0f} s; log: {LOG}"
            )
        if not all(map(is_running, pids)):
            raise BenchmarkError(f"the product ended; its log: {LOG}")
        await asyncio.sleep(POLL_SECONDS)


async def _shared(conn: asyncpg.Connection, workers: int) -> None:
    """Return once so many workers own partitions, and no fewer than half of a fair share each."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        shares = await conn.fetch(
            "select count(*) as held from partitions where owner is not null group by owner"
        )
        fair = sum(each["held"] for each in shares) // workers
        if len(shares) == workers and min(each["held"] for each in shares) >= fair:
            return
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{len(shares)} of {workers} workers own partitions; log: {LOG}")
        await asyncio.sleep(POLL_SECONDS)


@contextmanager
def _topic(kafka: str, partitions: int) -> Iterator[str]:
    """A topic of this run alone, with one canary in each partition."""
    topic = f"bench.run.{uuid.uuid4().hex[:8]}"
    load.create_topic(kafka, topic, partitions)
    producer = Producer({"bootstrap.servers": kafka})
    for partition in range(partitions):
        producer.produce(
            topic,
            load.canary(time.time_ns() // 1_000 - partition, f"canary-{partition}"),
            partition=partition,
        )
    if producer.flush(30):
        raise BenchmarkError("the broker took no canary")
    try:
        yield topic
    finally:
        load.delete_topic(kafka, topic)


@contextmanager
def _processes(
    ground: Ground, database: str, topic: str, *, archive: bool, workers: int
) -> Iterator[list[int]]:
    """`healthsvc process` on the database and topic, side by side; ended in good order at the
    end."""
    with open(LOG, "wb") as output, ExitStack() as running:
        started = [
            running.enter_context(_process(ground, database, topic, archive, output))
            for _ in range(workers)
        ]
        yield started


@contextmanager
def _process(
    ground: Ground, database: str, topic: str, archive: bool, output: IO[bytes]
) -> Iterator[int]:
    variables = environment(
        HEALTHSVC_DATABASE_URL=database,
        HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS=ground.kafka,
        HEALTHSVC_EVENTS_TOPIC=topic,
        HEALTHSVC_ARCHIVE="true" if archive else "false",
        HEALTHSVC_METRICS_PORT=str(free_port()),
        HEALTHSVC_DATA_DIR=str(WORK / "data"),
    )
    process = subprocess.Popen(
        [str(COMMAND), "process"],
        env=variables,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    try:
        yield process.pid
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process that we started: in good order, by force after the drain."""
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
