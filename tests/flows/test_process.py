"""The spine, against a real PostgreSQL: appended events become health, alerts and webhooks to be, once each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from healthsvc.flows import bootstrap, read
from healthsvc.flows.append import Appender
from healthsvc.flows.process import Pace, Processor
from healthsvc.log.table import TableInput
from healthsvc.store.listen import Listener
from tests.support.makers import as_json, make_event

SOON = 20.0


@asynccontextmanager
async def processing(
    engine: AsyncEngine, url: str, now: Callable[[], datetime], *, worker: str = "w1", pace: Pace | None = None
) -> AsyncIterator[None]:
    """A processor at work; drained and handed over at the end."""
    stop = asyncio.Event()
    async with Listener(url) as listener:
        processor = Processor(engine, [TableInput(engine, listener)], worker_id=worker, topic="", now=now, pace=pace)
        task = asyncio.create_task(processor.run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, SOON)


async def installed(engine: AsyncEngine, partitions: int = 4) -> Appender:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, partitions)
    return Appender(engine, partitions)


async def append(appender: Appender, events: Sequence[dict[str, object]]) -> None:
    await appender.append([(str(e["customer_id"]), as_json(e)) for e in events])


async def until(condition: Callable[[], "asyncio.Future[bool]"], seconds: float = SOON) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def counted(engine: AsyncEngine, customer_id: str) -> int:
    found = await read.customer(engine, customer_id, datetime.now(UTC))
    return 0 if found is None else found["events_total"]


def wall() -> datetime:
    return datetime.now(UTC)


async def test_a_cancel_page_view_becomes_a_flag_an_alert_and_a_capped_score(engine, database_url):
    appender = await installed(engine)
    await subscribe(engine)
    now = datetime.now(UTC)
    events = [
        make_event("feature.used", id=f"u{i}", customer_id="acme", occurred_at=(now - timedelta(hours=i)).isoformat(), data={"feature": "export"})
        for i in range(10)
    ]
    events.append(
        make_event("page.viewed", id="p", customer_id="acme", occurred_at=now.isoformat(), data={"url": "https://x.test/account/cancel"})
    )

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(lambda: reaches(engine, "acme", 11))
        found = await read.customer(engine, "acme", datetime.now(UTC))
        explained = await read.explanation(engine, "acme", datetime.now(UTC))

    assert found is not None and explained is not None
    assert found["score"] == 20 and found["band"] == "critical" and "cancel_intent" in found["flags"]
    assert abs(sum(c["points"] for c in explained["contributions"]) - explained["score"]) < 1e-6
    cap = next(c for c in explained["contributions"] if c["measure"] == "cap:cancel_intent")
    assert [e["id"] for e in cap["events"]] == ["p"]
    async with engine.connect() as conn:
        alerts = (await conn.execute(text("select kind, severity, state from alerts"))).all()
        types = set((await conn.execute(text("select type from messages"))).scalars())
    assert alerts == [("cancel_intent", "critical", "open")]
    assert "alert.raised" in types and "customer.band.changed" in types


async def subscribe(engine: AsyncEngine) -> None:
    """Somebody who wants every webhook."""
    async with engine.begin() as conn:
        await conn.execute(
            text("insert into endpoints (id, url, event_types, secret) values ('ep_1', 'https://x.test', '{}', 'sealed')")
        )


async def reaches(engine: AsyncEngine, customer_id: str, events: int) -> bool:
    return await counted(engine, customer_id) >= events


async def test_a_repeated_event_is_counted_once_also_after_a_restart(engine, database_url):
    appender = await installed(engine)
    event = make_event("feature.used", id="same", customer_id="acme", data={"feature": "export"})

    async with processing(engine, database_url, wall):
        await append(appender, [event, event])
        await until(lambda: reaches(engine, "acme", 1))
    async with processing(engine, database_url, wall, worker="w2"):
        await append(appender, [event, make_event("feature.used", id="other", customer_id="acme", data={"feature": "export"})])
        await until(lambda: reaches(engine, "acme", 2))

    assert await counted(engine, "acme") == 2
    async with engine.connect() as conn:
        assert await conn.scalar(text("select count(*) from archive")) == 2
