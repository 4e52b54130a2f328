"""PostgreSQL for tests: one server per session with a migrated template, or a server of one's own
to hurt."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database import schema
from healthsvc.store.database.engine import connect
from tests.support import shared

TEMPLATE = "healthsvc_template"
CARELESS: Mapping[str, str] = {  # for tests that don't test durability
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "autovacuum_naptime": "10s",
}


def shared_server() -> str:
    """The address of the session's server (its database `postgres`), started by the first that
    asks."""
    return shared.shared("postgres", _start_shared)


def _start_shared() -> tuple[int, str]:
    server = EmbeddedPostgres(shared.folder() / "pg", settings=CARELESS, die_with_parent=False)
    server.start()
    assert server.pid is not None
    asyncio.run(create_database(server.url("postgres"), TEMPLATE))
    asyncio.run(schema.upgrade(server.url(TEMPLATE)))
    return server.pid, server.url("postgres")


def address(server_url: str, database: str) -> str:
    """The address of another database on the same server."""
    return server_url.replace("@/postgres?", f"@/{database}?")


async def create_database(server_url: str, name: str, *, template: str = "template0") -> str:
    """Make a database and answer its address."""
    conn = await connect(server_url)
    try:
        await conn.execute(
            f'create database "{name}" template "{template}" strategy file_copy'
        )  # a quarter of the time
    finally:
        await conn.close()
    return address(server_url, name)


async def drop_database(server_url: str, name: str) -> None:
    """Drop a database, whoever is connected."""
    conn = await connect(server_url)
    try:
        await conn.execute(f'drop database if exists "{name}" with (force)')
    finally:
        await conn.close()


def own_server(folder: Path, *, settings: Mapping[str, str] | None = None) -> EmbeddedPostgres:
    """A durable server for one test, not started yet; the test stops, kills and starts it as it
    likes."""
    return EmbeddedPostgres(folder, settings=settings)
