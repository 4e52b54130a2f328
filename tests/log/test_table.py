"""The table as an input: a tailing reader sees every acknowledged row, once, in order, whoever
stalls."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from healthsvc.flows.processing.ports import Chunk, OffsetOutOfRange
from healthsvc.flows.projections import bootstrap
from healthsvc.log import table
from healthsvc.log.table import TableInput
from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database.engine import AsyncEngine, create_engine
from healthsvc.store.database.listen import Listener
from healthsvc.store.intake import log
from tests.support.waiting import PATIENCE_SECONDS

APPENDERS = 14
APPENDS = 40


@pytest.fixture
async def source(engine: AsyncEngine, database_url: str) -> AsyncIterator[TableInput]:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 4)
    async with Listener(database_url) as listener:
        made = TableInput(engine, listener)
        yield made
        await made.close()


async def append(engine: AsyncEngine, *entries: tuple[int, str]) -> list[tuple[int, int]]:
    async with engine.begin() as conn:
        return await log.append(conn, entries)


async def read_values(source: TableInput, count: int) -> dict[int, list[tuple[int, bytes]]]:
    """By partition, (position, value) until so many are read."""
    got: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while sum(map(len, got.values())) < count:
            for chunk in (await source.read(200, 1)).chunks:
                got[chunk.partition] += [
                    (chunk.position(n), value) for n, value in enumerate(chunk.values)
                ]
    return got


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_the_reader_sees_every_acknowledged_row_once_and_in_order_while_an_appender_stalls(
    source: TableInput, database_url: str, ending: str
) -> None:
    engine = create_engine(database_url, pool_size=APPENDERS + 2)
    acknowledged: dict[int, dict[int, bytes]] = defaultdict(dict)

    async def write(appender: int) -> None:
        chance = random.Random(appender)
        for n in range(APPENDS):
            entries = [
                (chance.randrange(2), f"{appender}.{n}.{k}") for k in range(chance.randrange(1, 4))
            ]
            for (partition, position), (_, event) in zip(
                await append(engine, *entries), entries, strict=True
            ):
                assert position not in acknowledged[partition]
                acknowledged[partition][position] = event.encode()

    async def stall() -> None:
        """Between its position and its commit, with the head locked."""
        for round_ in range(3):
            await asyncio.sleep(0.1)
            async with engine.connect() as conn:
                taken = await log.append(conn, [(round_ % 2, f"stalled {round_}")])
                await asyncio.sleep(0.4)
                await (conn.commit() if ending == "commit" else conn.rollback())
            if ending == "commit":
                acknowledged[taken[0][0]][taken[0][1]] = f"stalled {round_}".encode()

    await source.assign(dict.fromkeys(range(4), -1))
    writing = asyncio.gather(stall(), *(write(n) for n in range(APPENDERS)))
    got: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not writing.done() or sum(map(len, got.values())) < sum(
            map(len, acknowledged.values())
        ):
            for chunk in (await source.read(50, 0.2)).chunks:
                got[chunk.partition] += [
                    (chunk.position(n), value) for n, value in enumerate(chunk.values)
                ]
    await writing
    await engine.dispose()

    assert got.keys() == {0, 1}
    for partition, entries in got.items():
        assert [position for position, _ in entries] == list(range(len(entries)))
        assert dict(entries) == acknowledged[partition]


async def test_reading_begins_at_the_offset_given_and_reads_only_what_is_assigned(
    source: TableInput, engine: AsyncEngine
) -> None:
    await append(engine, *((n % 2, str(n)) for n in range(10)))
    await source.assign({1: 3})
    assert await read_values(source, 2) == {1: [(3, b"7"), (4, b"9")]}


async def test_a_backlog_in_one_partition_does_not_starve_the_others(
    source: TableInput, engine: AsyncEngine
) -> None:
    await append(engine, *((0, str(n)) for n in range(2000)), (3, "a"))
    await source.assign(dict.fromkeys(range(4), 0))
    first = await source.read(400, 1)
    assert {chunk.partition for chunk in first.chunks} == {0, 3}
    second = await source.read(400, 1)
    assert [len(chunk) for chunk in second.chunks] == [400]
    assert not second.drained


async def test_an_append_wakes_a_waiting_reader_without_any_poll(
    source: TableInput, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "POLL_SECONDS", 2 * PATIENCE_SECONDS)
    await source.assign({0: 0})
    await source.read(10, 0.5)  # listens from here on
    waiting = asyncio.create_task(source.read(10, 2 * PATIENCE_SECONDS))
    await asyncio.sleep(0.2)
    await append(engine, (0, "x"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        reading = await waiting
    assert [chunk.values for chunk in reading.chunks] == [[b"x"]]


async def test_read_through_is_the_instant_of_the_look_that_found_the_end(
    source: TableInput, engine: AsyncEngine
) -> None:
    before = datetime.now(UTC)
    await append(engine, *((0, str(n)) for n in range(30)))
    await source.assign({0: 0})
    assert not (await source.read(10, 1)).read_through
    second = await source.read(10, 1)
    assert not second.read_through
    assert not second.drained
    third = await source.read(10, 1)
    assert third.drained
    assert before < third.read_through[0] < datetime.now(UTC)


async def test_under_load_read_through_reaches_the_ends_of_a_moment_ago(
    source: TableInput, engine: AsyncEngine
) -> None:
    await append(engine, *((0, str(n)) for n in range(20)))
    await source.assign({0: 0})
    for _ in range(4):
        await append(engine, *((0, str(n)) for n in range(10)))
        reading = await source.read(10, 1)
        assert not reading.drained
    assert 0 in reading.read_through


async def test_an_offset_beyond_the_end_is_an_alarm(source: TableInput) -> None:
    await source.assign({0: 5})
    with pytest.raises(OffsetOutOfRange):
        await source.read(10, 0.1)


async def test_entries_trimmed_before_they_were_read_are_an_alarm(
    source: TableInput, engine: AsyncEngine
) -> None:
    await append(engine, *((0, str(n)) for n in range(5)))
    async with engine.begin() as conn:
        await conn.execute(text("delete from log_entries where position < 3"))
    await source.assign({0: 1})
    with pytest.raises(OffsetOutOfRange, match="deleted 2 unread"):
        await source.read(10, 0.1)


async def test_a_cancelled_read_loses_nothing(source: TableInput, engine: AsyncEngine) -> None:
    await append(engine, *((0, str(n)) for n in range(120)))
    await source.assign({0: 0})
    got: list[bytes] = []
    delay = 0.0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(got) < 120:
            task = asyncio.create_task(source.read(20, 0.5))
            await asyncio.wait([task], timeout=delay)
            delay = (delay + 0.005) % 0.1
            task.cancel()
            try:
                for chunk in (await task).chunks:
                    got += chunk.values
            except asyncio.CancelledError:
                continue
    assert got == [str(n).encode() for n in range(120)]


async def test_while_the_database_is_away_a_read_gives_nothing_and_then_goes_on(
    own_postgres: EmbeddedPostgres,
) -> None:
    url = await asyncio.to_thread(own_postgres.start)
    engine = create_engine(url)
    async with engine.begin() as conn:
        await conn.execute(
            text("create table log_heads (partition integer primary key, head bigint not null)")
        )
        await conn.execute(
            text(
                "create table log_entries (partition integer, position bigint, logged_at"
                " timestamptz, event text, primary key (partition, position))"
            )
        )
        await conn.execute(text("insert into log_heads values (0, 0)"))
    async with Listener(url) as listener:
        source = TableInput(engine, listener)
        await source.assign({0: 0})
        await source.read(10, 0.2)
        await asyncio.to_thread(own_postgres.stop)
        away = await source.read(10, 0.5)
        assert not away.chunks
        assert not away.drained
        assert await source.partitions() == []
        await asyncio.to_thread(own_postgres.start)
        await append(engine, (0, "x"))
        chunks: list[Chunk] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not chunks:
                chunks = list((await source.read(10, 0.5)).chunks)
        assert chunks[0].values == [b"x"]
        await source.close()
    await engine.dispose()
