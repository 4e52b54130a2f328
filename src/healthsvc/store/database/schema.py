"""The schema's versions: alembic's migrations, run over our own engine, under a lock, in one
transaction."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import healthsvc
from healthsvc.store.database.engine import AsyncConnection, create_engine

LOCK = 0x6865616C  # any constant: two migrating processes wait for each other on it


def folder() -> Path:
    """Where the migrations are: in the package when installed from a wheel, else beside `src/` in
    the source tree."""
    package = Path(healthsvc.__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"


def config() -> Config:
    """Alembic's configuration without a file, so that it holds wherever we are installed."""
    settings = Config()
    settings.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return settings


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` up to `revision`; does nothing if it is there already."""
    await _migrate(url, lambda settings: command.upgrade(settings, revision))


async def downgrade(url: str, revision: str = "base") -> None:
    """Take the database at `url` back to `revision`. Drops data."""
    await _migrate(url, lambda settings: command.downgrade(settings, revision))


@cache
def head() -> str:
    """The newest revision in this code."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    assert revision is not None, "there is always a first migration"
    return revision


async def current(conn: AsyncConnection) -> str | None:
    """The revision the database is at; None before the first migration."""
    return await conn.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def _migrate(url: str, step: Callable[[Config], None]) -> None:
    def run(sync: Connection) -> None:
        settings = config()
        settings.attributes["connection"] = sync
        step(settings)

    engine = create_engine(url, pool_size=1, application="healthsvc-migrate")
    try:
        async with engine.begin() as conn:
            await conn.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
            await conn.run_sync(run)
    finally:
        await engine.dispose()
