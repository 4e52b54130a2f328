"""A processor at work in a test: installed database, appended events, what can be asked
afterwards."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.processing.flush_policy import FlushPolicy
from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.processing.ports import Input
from healthsvc.flows.processing.worker import Processor
from healthsvc.flows.projections import bootstrap
from healthsvc.flows.readiness.postponed import PostponedTimers
from healthsvc.log.table import TableInput
from healthsvc.store.database.engine import create_engine
from healthsvc.store.database.listen import Listener
from tests.support import postgres_server
from tests.support.makers import as_json
from tests.support.waiting import PATIENCE_SECONDS

Event = dict[str, Any]


def wall() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def processing(  # noqa: PLR0913  # a maker: what a test changes, each by name
    engine: AsyncEngine,
    url: str,
    now: Callable[[], datetime],
    *,
    worker: str = "w1",
    pace: FlushPolicy | None = None,
    limits: MemoryLimits | None = None,
    inputs: Sequence[Input] = (),
    postponed: PostponedTimers | None = None,
) -> AsyncIterator["asyncio.Task[None]"]:
    """A processor at work, and its task; drained and handed over at the end. What it died of is
    raised here."""
    stop = asyncio.Event()
    async with Listener(url) as listener:
        sources = [TableInput(engine, listener), *inputs]
        processor = Processor(
            engine,
            sources,
            worker_id=worker,
            topic="topic",
            now=now,
            policy=pace,
            limits=limits,
            postponed=postponed,
        )
        task = asyncio.create_task(processor.run(stop))
        try:
            yield task
        finally:
            stop.set()
            await asyncio.wait_for(task, PATIENCE_SECONDS)


async def installed(engine: AsyncEngine, partitions: int = 4) -> Appender:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, partitions)
    return Appender(engine, partitions)


async def append(appender: Appender, events: Sequence[Event]) -> None:
    """In the order given, in transactions of a thousand."""
    for start in range(0, len(events), 1000):
        await appender.append(
            [(str(e["customer_id"]), as_json(e)) for e in events[start : start + 1000]]
        )


async def counted(engine: AsyncEngine, customer_id: str) -> int:
    found = await customer_health(engine, customer_id, datetime.now(UTC))
    return 0 if found is None else found.events_total


async def reaches(engine: AsyncEngine, customer_id: str, events: int) -> bool:
    return await counted(engine, customer_id) >= events


async def applied(engine: AsyncEngine) -> int:
    """Events counted in all partitions."""
    return int(await scalar(engine, "select coalesce(sum(applied), 0) from partitions"))


async def scalar(engine: AsyncEngine, sql: str, **values: Any) -> Any:
    async with engine.connect() as conn:
        return await conn.scalar(text(sql), values)


async def rows(engine: AsyncEngine, sql: str, **values: Any) -> list[Any]:
    async with engine.connect() as conn:
        return list((await conn.execute(text(sql), values)).all())


async def states(engine: AsyncEngine) -> dict[str, tuple[bytes, Any]]:
    """By customer: the packed state and the profile."""
    found = await rows(
        engine,
        "select c.customer_id, s.state, s.profile from states s join customers c on c.key ="
        " s.customer_key",
    )
    return {
        r.customer_id: (
            bytes(r.state),
            json.loads(r.profile) if isinstance(r.profile, str) else r.profile,
        )
        for r in found
    }


@asynccontextmanager
async def another_database(server_url: str) -> AsyncIterator[tuple[str, AsyncEngine]]:
    """A fresh, migrated database and an engine on it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = await postgres_server.create_database(server_url, name, template=postgres_server.TEMPLATE)
    engine = create_engine(url, application="tests")
    try:
        yield url, engine
    finally:
        await engine.dispose()
        await postgres_server.drop_database(server_url, name)
