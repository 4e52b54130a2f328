"""The database that a command works on: whose it is, its schema, engines on it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog

from healthsvc.core.errors import NotInstalled
from healthsvc.flows.projections import bootstrap
from healthsvc.runtime.embedded import (
    DataFolderInUseError,
    EmbeddedPostgres,
    EmbeddedPostgresError,
    hold,
    is_initialised,
    running_url,
)
from healthsvc.runtime.running import Role
from healthsvc.settings import Settings
from healthsvc.store.database import schema
from healthsvc.store.database.engine import AsyncEngine, create_engine
from healthsvc.store.database.installation import NotInstalledError
from healthsvc.store.projections import live_projection, scorecards
from healthsvc.telemetry import LogEvent

log = structlog.get_logger(__name__)


@contextmanager
def own_database(settings: Settings) -> Iterator[tuple[str, list[Role]]]:
    """The database for `up`: the operator's, or the embedded one for us alone; and the roles that
    watch over it.

    Raises DataFolderInUseError, EmbeddedPostgresError.
    """
    if settings.database is not None:
        yield settings.database, []
        return
    with hold(settings.data_dir):
        server = EmbeddedPostgres(settings.data_dir)
        try:
            yield server.start(), [Role(name="postgres", run=lambda stop: _watch(server, stop))]
        finally:
            server.stop()


class NoDatabaseError(NotInstalled):
    """The data folder has no database, and this command doesn't make one."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        super().__init__(
            f"There is no database here ({data_dir.resolve()}): set HEALTHSVC_DATABASE_URL or"
            " HEALTHSVC_DATA_DIR, or run `healthsvc up`."
        )


@contextmanager
def any_database(settings: Settings, *, create: bool = False) -> Iterator[str]:
    """The database for a short command: the operator's, the one that a running `up` has, or the
    embedded one started.

    Raises NoDatabaseError where there is none yet, unless it may `create` one. Not installed by
    itself: see `install` and `update`. Start from the main thread, outside of any event loop.
    """
    if settings.database is None and not create and not is_initialised(settings.data_dir):
        raise NoDatabaseError(settings.data_dir)
    try:
        with own_database(settings) as (url, _):
            yield url
    except DataFolderInUseError:
        running_one = running_url(settings.data_dir)
        if running_one is None:
            raise
        yield running_one


async def install(url: str, settings: Settings) -> str | None:
    """Bring the database's schema up to date and make what must exist before the first event;
    answers its revision."""
    document = settings.scorecard_document
    await schema.upgrade(url)
    async with engine_on(url, "healthsvc-install") as engine, engine.begin() as conn:
        await bootstrap.ensure(conn, settings.partitions, document=document)
        revision = await schema.current(conn)
        live = await scorecards.get(conn, (await live_projection.live(conn)).scorecard_version)
        if document is not None and live is not None and live.document != document:
            log.warning(
                LogEvent.SCORECARD_KEPT,
                file=str(settings.scorecard),
                why="the database has another one already: healthsvc scorecard publish FILE",
            )
    log.info(LogEvent.SCHEMA_MIGRATED, revision=revision)
    return revision


async def update(url: str, settings: Settings) -> str | None:
    """The same for a database that is installed. Raises NotInstalledError for an empty one."""
    async with engine_on(url, "healthsvc-install", pool_size=1) as engine, engine.connect() as conn:
        if await schema.current(conn) is None:
            raise NotInstalledError
    return await install(url, settings)


@asynccontextmanager
async def engine_on(
    url: str, application: str, *, pool_size: int = 5
) -> AsyncIterator[AsyncEngine]:
    """An engine for the length of a block."""
    engine = create_engine(url, pool_size=pool_size, application=application)
    try:
        yield engine
    finally:
        await engine.dispose()


async def _watch(server: EmbeddedPostgres, stop: asyncio.Event) -> None:
    """Run until `stop`; a server that ends by itself is the end of us, too.

    A role that misses the database may end, and stop us, before the next look at the server: so
    there is a last one.
    """
    server_ended = asyncio.create_task(server.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({server_ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if server_ended.done() or server.pid is None:
        raise EmbeddedPostgresError(f"PostgreSQL ended by itself with code {await server_ended}")
    server_ended.cancel()
