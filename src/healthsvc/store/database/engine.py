"""Connections to PostgreSQL: asyncpg under SQLAlchemy, made from a plain `postgresql://`
address."""

from typing import Any, cast

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

__all__ = [
    "AsyncConnection",
    "AsyncEngine",
    "autocommit_connection",
    "connect",
    "create_database",
    "create_engine",
    "raw",
]

CONNECT_TIMEOUT_SECONDS = 10.0
SESSION = {
    "jit": "off",  # no statement of ours runs long enough to be worth compiling
    # Parallel workers took longer to start than they saved.
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",  # what is looked up by key is in memory or on a solid state disk
    "work_mem": "32MB",  # nor what is sorted: some thousand customers, a kilobyte each
    "temp_buffers": "64MB",  # a large flush's rows wait in a temporary table: not on disk
}


def create_engine(url: str, *, pool_size: int = 5, application: str = "healthsvc") -> AsyncEngine:
    """An engine on `url` (`postgresql://…`, unix sockets as `?host=/path`).

    asyncpg parses the address itself, so whatever it understands (`sslmode`, several hosts) works.
    A connection that the server has closed isn't handed out, which costs no question: a restart of
    the server costs one failed transaction at most. (SQLAlchemy's own probe asks thrice, and each
    transaction would wait for it.)
    """

    async def creator() -> asyncpg.Connection:
        return await connect(url, application=application)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=creator,
        pool_size=pool_size,
        max_overflow=5,
        # A server process that has just worked knows the tables, plans and pages.
        pool_use_lifo=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(adapted: Any, *_: object) -> None:
    """Have the pool connect anew in place of a connection whose end has come meanwhile."""
    if adapted.driver_connection.is_closed():
        raise DisconnectionError("the server has closed the connection")


def autocommit_connection(engine: AsyncEngine) -> AsyncConnection:
    """A connection for single statements that read: none begins or ends a transaction, so each is
    one round trip."""
    return engine.execution_options(isolation_level="AUTOCOMMIT").connect()


async def connect(url: str, *, application: str = "healthsvc") -> asyncpg.Connection:
    """One connection of the driver, outside any pool. Raises OSError, TimeoutError or asyncpg's
    errors."""
    settings = {"application_name": application, **SESSION}
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS, server_settings=settings)


async def raw(conn: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection under `conn`, for COPY.

    What it runs belongs to SQLAlchemy's transaction only if an SQLAlchemy statement has begun that
    already: a COPY as the very first statement would run outside of it and survive a rollback.
    """
    pooled = await conn.get_raw_connection()
    return cast("asyncpg.Connection", pooled.driver_connection)


async def create_database(server_url: str, name: str) -> None:
    """Create database `name` on the server that `server_url` connects to; nothing happens if it is
    there."""
    conn = await connect(server_url)
    try:
        if not await conn.fetchval("select true from pg_database where datname = $1", name):
            await conn.execute(f'create database "{name}"')
    finally:
        await conn.close()
