"""The schema goes up, comes down, and is found wherever we are installed."""

import asyncio

from healthsvc.flows import bootstrap
from healthsvc.store import schema
from healthsvc.store.engine import AsyncEngine, connect, create_engine

TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"


async def tables(url: str) -> set[str]:
    conn = await connect(url)
    try:
        return {row[0] for row in await conn.fetch(TABLES)}
    finally:
        await conn.close()


async def test_upgrade_makes_the_tables_and_downgrade_drops_every_one(empty_database_url: str) -> None:
    await schema.upgrade(empty_database_url)
    assert {"partitions", "states", "log_entries", "archive"} <= await tables(empty_database_url)

    await schema.downgrade(empty_database_url)
    assert await tables(empty_database_url) == set()

    await schema.upgrade(empty_database_url)
    assert "states" in await tables(empty_database_url)


async def test_upgrading_twice_and_at_once_is_the_same_as_once(empty_database_url: str) -> None:
    await asyncio.gather(*(schema.upgrade(empty_database_url) for _ in range(3)))
    await schema.upgrade(empty_database_url)

    engine = create_engine(empty_database_url)
    async with engine.connect() as conn:
        assert await schema.current(conn) == schema.head()
    await engine.dispose()


async def test_a_database_before_its_first_migration_has_no_revision(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    async with engine.connect() as conn:
        assert await schema.current(conn) is None
    await engine.dispose()


async def test_bootstrap_is_idempotent_and_partitions_only_grow(engine: AsyncEngine, database_url: str) -> None:
    for wanted in (4, 4, 2, 6):
        async with engine.begin() as conn:
            await bootstrap.ensure(conn, wanted)

    conn = await connect(database_url)
    assert await conn.fetchval("select count(*) from projections where state = 'live'") == 1
    rows = await conn.fetch("select partition from partitions where projection = 1 order by 1")
    assert [row[0] for row in rows] == list(range(6))
    assert await conn.fetchval("select count(*) from log_heads") == 6
    await conn.close()
