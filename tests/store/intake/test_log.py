"""The table log: gapless positions in commit order, whoever else is writing; trimmed only behind
every reader."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine, connect
from healthsvc.store.intake import log, log_reader
from healthsvc.store.processing import customer_homes
from healthsvc.store.processing.customer_homes import CustomerHome
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture(autouse=True)
async def _partitions(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 4)


async def append(engine: AsyncEngine, *entries: tuple[int, str]) -> list[tuple[int, int]]:
    async with engine.begin() as conn:
        return await log.append(conn, entries)


async def read(
    engine: AsyncEngine, partition: int, offset: int = 0, limit: int = 100_000
) -> Sequence[log_reader.LogEntry]:
    async with engine.connect() as conn:
        return await log_reader.read(conn, partition, offset, limit)


async def test_positions_begin_at_zero_and_follow_the_order_given(engine: AsyncEngine) -> None:
    assert await append(engine, (1, "a"), (0, "b"), (1, "c")) == [(1, 0), (0, 0), (1, 1)]
    assert await append(engine, (1, "d")) == [(1, 2)]
    assert [(e.position, e.event) for e in await read(engine, 1)] == [(0, "a"), (1, "c"), (2, "d")]


async def test_a_rolled_back_append_leaves_no_gap(engine: AsyncEngine) -> None:
    async with engine.connect() as conn:
        await log.append(conn, [(0, "never")])
        await conn.rollback()
    assert await append(engine, (0, "first")) == [(0, 0)]


async def test_an_append_to_a_partition_that_is_not_there_is_refused(engine: AsyncEngine) -> None:
    with pytest.raises(log.UnknownPartition) as caught:
        await append(engine, (0, "a"), (9, "b"))
    assert caught.value.partitions == {9}
    assert await read(engine, 0) == []


async def test_a_page_begins_at_the_offset_and_ends_at_the_limit(engine: AsyncEngine) -> None:
    await append(engine, *((2, str(n)) for n in range(10)))
    assert [e.event for e in await read(engine, 2, 4, 3)] == ["4", "5", "6"]


async def test_one_query_reads_all_partitions_each_up_to_its_limit(engine: AsyncEngine) -> None:
    await append(engine, *((n % 2, str(n)) for n in range(10)))
    async with engine.connect() as conn:
        reading = await log_reader.read_all(conn, {0: 1, 1: 5, 3: 0}, {0: 2, 1: 9, 3: 9})
    assert reading.heads == {0: 5, 1: 5, 3: 0}
    assert list(reading.entries) == [0]
    assert reading.entries[0].first == 1
    assert reading.entries[0].events == ["2", "4"]
    assert len(reading.entries[0].logged_us) == 2


async def test_appenders_of_the_same_partitions_in_any_order_do_not_deadlock(
    engine: AsyncEngine,
) -> None:
    async def many(order: Sequence[int]) -> None:
        for n in range(30):
            await append(engine, *((p, f"{order}-{n}") for p in order))

    await asyncio.gather(many([0, 1, 2, 3]), many([3, 2, 1, 0]), many([2, 0, 3, 1]))

    for partition in range(4):
        assert [e.position for e in await read(engine, partition)] == list(range(90))


async def test_the_server_ends_an_append_that_stalls_before_its_commit(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "STALL_SECONDS", 0.3)
    async with engine.connect() as stalled:
        await log.append(stalled, [(0, "stalled")])
        assert await asyncio.wait_for(append(engine, (0, "next")), PATIENCE_SECONDS) == [(0, 0)]
        await stalled.invalidate()
    assert [e.event for e in await read(engine, 0)] == ["next"]


async def test_an_append_that_cannot_get_the_head_gives_up(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LOCK_SECONDS", 0.2)
    holder = await connect(database_url)
    try:
        async with holder.transaction():
            await holder.execute("select from log_heads where partition = 0 for update")
            with pytest.raises(log.FAULTS, match="lock timeout"):
                await append(engine, (0, "a"))
    finally:
        await holder.close()


async def test_trim_deletes_only_what_is_old_and_folded_by_every_projection_in_use(
    engine: AsyncEngine,
) -> None:
    await append(engine, *((0, str(n)) for n in range(10)))
    await append(engine, *((1, str(n)) for n in range(10)))
    async with engine.begin() as conn:
        await conn.execute(
            text("update log_entries set logged_at = now() - interval '9 days' where position < 6")
        )
        await conn.execute(
            text("insert into projections values (2, 1, 'building'), (3, 1, 'retired')")
        )
        await conn.execute(
            text(
                "insert into partitions (projection, partition, table_offset) values (2, 0, 3), (3,"
                " 0, 0)"
            )
        )
        await conn.execute(text("update partitions set table_offset = 8 where projection = 1"))

    async with engine.begin() as conn:
        deleted = await log.trim(conn, keep=timedelta(days=7))

    assert deleted == 9
    assert [e.position for e in await read(engine, 0)] == list(range(3, 10))
    assert [e.position for e in await read(engine, 1)] == list(range(6, 10))


async def test_a_home_is_claimed_once_and_stays(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        first = await customer_homes.claim(conn, [("acme", 2), ("acme", 3), ("moss", 1)])
    async with engine.begin() as conn:
        second = await customer_homes.claim(conn, [("acme", 0), ("new", 3)])
    assert first["acme"].partition == 2
    assert second["acme"] == first["acme"]
    assert second["new"].partition == 3
    assert {home.key for home in first.values()}.isdisjoint({second["new"].key})


async def test_how_many_customers_there_are_is_told_as_of_the_last_look(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as conn:
        assert await customer_homes.about_how_many(conn) == 0
        await customer_homes.claim(conn, [(f"c{n}", 0) for n in range(30)])
        await conn.execute(text("analyze customers"))
        assert await customer_homes.about_how_many(conn) == 30


async def test_claimers_who_race_agree(engine: AsyncEngine) -> None:
    async def claim(partition: int) -> dict[str, CustomerHome]:
        async with engine.begin() as conn:
            wanted = [(f"customer {n}", partition) for n in range(500)]
            return await customer_homes.claim(conn, wanted if partition % 2 else wanted[::-1])

    answers = await asyncio.gather(*(claim(partition) for partition in range(4)))

    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]) == 500
