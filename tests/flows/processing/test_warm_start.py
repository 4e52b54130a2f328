"""A worker that begins has the customers' rows in PostgreSQL's memory, as far as there is room."""

import asyncio

from sqlalchemy import text
from structlog.testing import capture_logs

from healthsvc.flows.processing.warm_start import warm
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import warm_start
from healthsvc.telemetry import LogEvent
from tests.flows.spine import rows, scalar

CACHED = """
    select count(*) from pg_buffercache
    where relfilenode = pg_relation_filenode('states') and reldatabase = (select oid
        from pg_database
        where datname = current_database())
"""


async def filled(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(
            text("""
                insert into states (projection, customer_key, partition, state, decision)
                select 1, n, 0, decode(repeat('ab', 500), 'hex'), '' from generate_series(1, 2000) n
            """)
        )


async def test_what_was_pushed_out_of_memory_is_read_again(engine: AsyncEngine) -> None:
    await filled(engine)
    async with engine.begin() as conn:
        await conn.execute(text("create extension pg_buffercache"))
        await conn.execute(text("checkpoint"))
    await rows(engine, "select pg_buffercache_evict_relation('states')")
    assert await scalar(engine, CACHED) == 0

    blocks = await warm(engine, asyncio.Event())

    size = int(await scalar(engine, "select pg_relation_size('states') / 8192"))
    assert size > 100
    assert await scalar(engine, CACHED) == size
    assert blocks > size


async def test_what_does_not_fit_is_left_where_it_is_and_small_indexes_come_first(
    engine: AsyncEngine,
) -> None:
    await filled(engine)
    async with engine.connect() as conn:
        everything = [each.name for each in await warm_start.worth_reading(conn)]
        buffers = int(
            await conn.scalar(text("select setting from pg_settings where name = 'shared_buffers'"))
        )
        little = [each.name for each in await warm_start.worth_reading(conn, share=100 / buffers)]
        assert await warm_start.worth_reading(conn, share=0.0) == []
    assert {"states", "states_pkey"} <= set(everything)
    assert little == [name for name in everything if name != "states"]


async def test_one_reads_at_a_time_and_without_the_extension_nobody_does(
    engine: AsyncEngine,
) -> None:
    await filled(engine)
    async with engine.connect() as conn:
        assert await warm_start.claim(conn)
        assert await warm(engine, asyncio.Event()) == 0
        await warm_start.release(conn)
    assert await warm(engine, asyncio.Event()) > 100
    async with engine.begin() as conn:
        await conn.execute(text("drop extension pg_prewarm"))
    with capture_logs() as logs:
        assert await warm(engine, asyncio.Event()) == 0
    assert [(line["event"], "create extension pg_prewarm" in line["why"]) for line in logs] == [
        (LogEvent.DATABASE_COLD, True)
    ]


async def test_who_is_to_stop_reads_no_further(engine: AsyncEngine) -> None:
    await filled(engine)
    stop = asyncio.Event()
    stop.set()
    assert await warm(engine, stop) == 0
    assert await warm(engine, asyncio.Event()) > 100
