"""The composition root: the only place that knows which parts there are and gives each what it needs."""

import asyncio
import gc
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from prometheus_client import start_http_server

from healthsvc import __version__, serving
from healthsvc.api import ApiConfig, create_app
from healthsvc.api.app import key_pepper
from healthsvc.embedded import DataFolderInUseError, EmbeddedPostgres, EmbeddedPostgresError, hold, running_url
from healthsvc.flows import bootstrap, fed, held, publish
from healthsvc.flows.append import Appender
from healthsvc.flows.caretaker import look_after_projections
from healthsvc.flows.deliver import Deliverer, Limits
from healthsvc.flows.fleet_guard import look_after_fleet
from healthsvc.flows.lab_runs import look_after_runs
from healthsvc.flows.manage import keys
from healthsvc.flows.manage.keys import NewKey
from healthsvc.flows.ports import Input
from healthsvc.flows.preview import Preview, preview
from healthsvc.flows.process import Pace, Processor
from healthsvc.flows.retention import keep_house
from healthsvc.log.kafka.client import KafkaSecurity
from healthsvc.log.kafka.input import KafkaInput
from healthsvc.log.table import TableInput
from healthsvc.running import Role
from healthsvc.settings import Settings
from healthsvc.store import installation, projections, schema, scorecards
from healthsvc.store import keys as stored_keys
from healthsvc.store import secrets as stored_secrets
from healthsvc.store.engine import AsyncConnection, AsyncEngine, create_engine
from healthsvc.store.keyset import Place
from healthsvc.store.listen import Listener
from healthsvc.store.publications import Publication
from healthsvc.store.scorecards import Version
from healthsvc.telemetry import LogEvent
from healthsvc.webhooks.guard import Policy
from healthsvc.webhooks.sender import Sender
from healthsvc.wire.scorecards import default_document

LEASE_MARGIN_SECONDS: Final = 15.0

log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The service's clock."""
    return datetime.now(UTC)


# The database -------------------------------------------------------------------------------------------------------


@contextmanager
def own_database(settings: Settings) -> Iterator[tuple[str, list[Role]]]:
    """The database for `up`: the operator's, or the embedded one for us alone; and the roles that watch over it.

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


@contextmanager
def any_database(settings: Settings) -> Iterator[str]:
    """The database for a short command: the operator's, the one that a running `up` has, or the embedded one started.

    Not installed by itself: see `install`. Start from the main thread, outside of any event loop.
    """
    try:
        with own_database(settings) as (url, _):
            yield url
    except DataFolderInUseError:
        running_one = running_url(settings.data_dir)
        if running_one is None:
            raise
        yield running_one


async def install(url: str, settings: Settings) -> str | None:
    """Bring the database's schema up to date and make what must exist before the first event; answers its revision."""
    document = settings.scorecard_document
    await schema.upgrade(url)
    async with engine_on(url, "healthsvc-install") as engine, engine.begin() as conn:
        await bootstrap.ensure(conn, settings.partitions, document=document)
        revision = await schema.current(conn)
        if document is not None and (await projections.live(conn)).document != document:
            log.warning(
                LogEvent.SCORECARD_KEPT,
                file=str(settings.scorecard),
                why="the database has another one already: healthsvc scorecard publish FILE",
            )
    log.info(LogEvent.SCHEMA_MIGRATED, revision=revision)
    return revision


@asynccontextmanager
async def engine_on(url: str, application: str, *, pool_size: int = 5) -> AsyncIterator[AsyncEngine]:
    """An engine for the length of a block."""
    engine = create_engine(url, pool_size=pool_size, application=application)
    try:
        yield engine
    finally:
        await engine.dispose()


async def _watch(server: EmbeddedPostgres, stop: asyncio.Event) -> None:
    """Run until `stop`; a server that ends by itself is the end of us, too."""
    ended = asyncio.create_task(server.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ended.cancel():
        raise EmbeddedPostgresError(f"PostgreSQL ended by itself with code {ended.result()}")


# Keys ---------------------------------------------------------------------------------------------------------------


async def create_key(url: str, settings: Settings, *, name: str, scopes: tuple[str, ...]) -> NewKey:
    """Make an API key."""
    async with engine_on(url, "healthsvc-keys") as engine:
        async with engine.begin() as conn:
            secret = await _service_secret(conn, settings)
        return await keys.create(
            engine, utc_now(), pepper=key_pepper(secret), name=name, scopes=scopes, actor="command line"
        )


async def first_key(url: str, settings: Settings) -> NewKey | None:
    """An admin key, if the database has no key at all and no HEALTHSVC_ADMIN_KEY stands in for one."""
    async with engine_on(url, "healthsvc-keys") as engine, engine.connect() as conn:
        has_keys = bool(await stored_keys.page(conn, Place(limit=1)))
    if has_keys or settings.admin_key is not None:
        return None
    return await create_key(url, settings, name="first key", scopes=("admin",))


async def _service_secret(conn: AsyncConnection, settings: Settings) -> bytes:
    return await stored_secrets.service_secret(conn, _configured_secret(settings))


def _configured_secret(settings: Settings) -> str | None:
    return settings.secret_key.get_secret_value() if settings.secret_key else None


# Scorecards ---------------------------------------------------------------------------------------------------------

BY: Final = "command line"


async def scorecard_versions(url: str, settings: Settings) -> Sequence[Version]:
    """The versions, newest first."""
    await install(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine, engine.connect() as conn:
        return await scorecards.page(conn, Place(limit=250))


async def scorecard_status(url: str, settings: Settings) -> tuple[Sequence[Publication], Sequence[fed.Fed]]:
    """The last publications, newest first, and which measures are fed."""
    await install(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await publish.progress(engine), (await fed.measures(engine, utc_now()))[0]


async def scorecard_documents(url: str, settings: Settings, names: Iterable[str]) -> dict[str, str | None]:
    """Documents of versions, by number or `live`; None for a version that isn't there."""
    await install(url, settings)
    found: dict[str, str | None] = {}
    async with engine_on(url, "healthsvc-scorecard") as engine, engine.connect() as conn:
        live = (await projections.live(conn)).scorecard_version
        for name in names:
            version = await scorecards.get(conn, live if name == "live" else min(int(name), 2**31 - 1))
            found[name] = None if version is None else version.document or default_document()
    return found


async def preview_scorecard(
    url: str, settings: Settings, document: str, sample: int, told: Callable[[int], None]
) -> Preview:
    """What a scorecard would make of a sample of the customers."""
    await install(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await preview(engine, document, utc_now(), sample=sample, told=told)


async def publish_scorecard(
    url: str, settings: Settings, document: str | None, version: int | None, *, with_gaps: bool, override: str | None
) -> publish.Outcome:
    """Ask for a document, or a version that is kept, to become the live one."""
    await install(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        if document is not None:
            version = (await publish.keep(engine, document, by=BY, now=utc_now()))[0].version
        number = min(version or 0, 2**31 - 1)
        return await publish.publish(
            engine, number, by=BY, now=utc_now(), with_gaps=with_gaps, override_reason=override
        )


async def rebuild_projection(url: str, settings: Settings, *, with_gaps: bool) -> publish.Outcome:
    """Ask for the live version to be built anew."""
    await install(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await publish.rebuild(engine, by=BY, now=utc_now(), with_gaps=with_gaps)


async def see_through(
    url: str, settings: Settings, projection: int, told: Callable[[Publication], None]
) -> Publication:
    """Follow a building to its end; build ourselves while no worker does."""
    stop = asyncio.Event()
    async with engine_on(url, "healthsvc-scorecard") as engine:
        building = asyncio.create_task(
            look_after_projections(
                engine, worker_id=_worker_id(), limits=_building_memory(settings), now=utc_now, stop=stop
            )
        )
        try:
            while True:
                found = next(p for p in await publish.progress(engine) if p.id == projection)
                told(found)
                if found.state != "building":
                    return found
                await asyncio.sleep(0.2)
        finally:
            stop.set()
            await building


# Roles --------------------------------------------------------------------------------------------------------------


def api_role(url: str, settings: Settings, bound: socket.socket, ready: Callable[[], None]) -> Role:
    """The REST API on a bound socket."""

    async def run(stop: asyncio.Event) -> None:
        async with (
            engine_on(url, "healthsvc-api", pool_size=10) as engine,
            Listener(url) as listener,
            _sender(settings) as sender,
        ):
            async with engine.begin() as conn:
                secret = await _service_secret(conn, settings)
                vault = await stored_secrets.vault(conn, _configured_secret(settings))
                partitions = (await installation.read(conn)).partitions
            appender = Appender(engine, partitions, listener=listener)
            config = ApiConfig(
                version=__version__,
                partitions=partitions,
                pepper=key_pepper(secret),
                vault=vault,
                check_url=sender.check_url,
                admin_key=settings.admin_key.get_secret_value() if settings.admin_key else None,
                draining=stop.is_set,
            )
            app = create_app(engine=engine, appender=appender, now=utc_now, config=config)
            await serving.serve(app, bound, stop, ready)
            await appender.close()

    return Role(name="api", run=run)


def process_role(url: str, settings: Settings, *, thread: bool = False) -> Role:
    """Folding the log."""

    async def run(stop: asyncio.Event) -> None:
        calm_collector()
        async with engine_on(url, "healthsvc-process") as engine, Listener(url) as listener:
            inputs: list[Input] = [TableInput(engine, listener)]
            if settings.kafka_bootstrap_servers:
                inputs.append(_kafka(settings))
            processor = Processor(
                engine,
                inputs,
                worker_id=_worker_id(),
                topic=settings.events_topic,
                now=utc_now,
                pace=_pace(settings),
                limits=_memory(settings),
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    look_after_projections(
                        engine, worker_id=_worker_id(), limits=_building_memory(settings), now=utc_now, stop=stop
                    )
                )
                group.create_task(look_after_fleet(engine, now=utc_now, stop=stop))
                group.create_task(look_after_runs(engine, url, worker_id=_worker_id(), stop=stop))
                group.create_task(
                    keep_house(
                        engine,
                        archive_days=settings.archive_retention_days,
                        log_days=settings.log_retention_days,
                        now=utc_now,
                        stop=stop,
                    )
                )
                await processor.run(stop)

    return Role(name="process", run=run, thread=thread)


def deliver_role(url: str, settings: Settings) -> Role:
    """Sending webhooks."""

    async def run(stop: asyncio.Event) -> None:
        async with (
            engine_on(url, "healthsvc-deliver") as engine,
            Listener(url) as listener,
            _sender(settings) as sender,
        ):
            async with engine.begin() as conn:
                vault = await stored_secrets.vault(conn, _configured_secret(settings))
            lease = timedelta(seconds=settings.webhook_timeout_seconds + LEASE_MARGIN_SECONDS)
            deliverer = Deliverer(
                engine,
                sender,
                now=utc_now,
                wake=listener,
                vault=vault,
                worker_id=_worker_id(),
                chance=random.SystemRandom().random,
                limits=Limits(lease=lease),
            )
            await deliverer.run(stop)

    return Role(name="deliver", run=run)


def calm_collector() -> None:
    """Have Python look for cycles more seldom: folding makes many objects, and hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def serve_metrics(settings: Settings) -> None:
    """/metrics for a role without an API, if a port is set."""
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port, addr=settings.host)


def _sender(settings: Settings) -> Sender:
    policy = Policy(allowed=settings.webhook_allowed_networks)
    return Sender(policy, deadline_seconds=settings.webhook_timeout_seconds)


def _pace(settings: Settings) -> Pace:
    return Pace(
        flush_events=settings.flush_events,
        flush_seconds=settings.flush_seconds,
        lease_seconds=settings.lease_seconds,
    )


def _memory(settings: Settings) -> held.Limits:
    return held.Limits(
        state_bytes=settings.state_memory_mib << 20,
        dedupe_bytes=settings.dedupe_memory_mib << 20,
        dedupe_window=timedelta(days=settings.dedupe_window_days),
        archive=settings.archive,
    )


def _building_memory(settings: Settings) -> held.Limits:
    """A projection is built beside the live one, so with a part of its memory."""
    return held.Limits(state_bytes=settings.state_memory_mib << 18)


def _kafka(settings: Settings) -> KafkaInput:
    password = settings.kafka_sasl_password
    security = KafkaSecurity(
        protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        sasl_password=password.get_secret_value() if password else None,
        ssl_cafile=str(settings.kafka_ssl_cafile) if settings.kafka_ssl_cafile else None,
    )
    return KafkaInput(
        bootstrap_servers=settings.kafka_bootstrap_servers or "",
        topic=settings.events_topic,
        partitions=settings.partitions,
        security=security,
        now=utc_now,
    )


def _worker_id() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
