"""A shadow scores beside the live version and tells nobody; publishing it is the ordinary
switch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import yaml
from sqlalchemy import text

from healthsvc.core.instants import to_us
from healthsvc.flows.projections import publish, shadow, supervisor
from healthsvc.flows.projections.publish import AnotherBuilding, Begun, Live, Unknown
from healthsvc.flows.projections.shadow import Summary
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.scorecards.document import default_document
from healthsvc.wiring.background import look_after_projections
from tests.flows.projections.test_rebuild import LIMITS, folded, second_document, story
from tests.flows.spine import append, installed, processing, rows, scalar, wall
from tests.support.makers import make_actor, make_event
from tests.support.waiting import until


async def kept(engine: AsyncEngine, document: str) -> int:
    return (await publish.keep(engine, document, by=make_actor("t"), now=wall()))[0].version


@asynccontextmanager
async def built(engine: AsyncEngine) -> AsyncIterator[None]:
    """Somebody builds what is asked for."""
    stop = asyncio.Event()
    work = look_after_projections(engine, "b", LIMITS, stop)
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        stop.set()
        await task


async def ready(engine: AsyncEngine) -> bool:
    found = await shadow.summary(engine, wall())
    return (
        found is not None and found.ready and found.publication.folded == found.publication.events
    )


async def told(engine: AsyncEngine) -> Summary:
    await until(lambda: ready(engine))
    found = await shadow.summary(engine, wall())
    assert found is not None
    return found


async def said(engine: AsyncEngine) -> list[int]:
    """What people were told."""
    return [
        int(await scalar(engine, f"select count(*) from {table}"))
        for table in ("alerts", "history", "messages")
    ]


async def standings(
    engine: AsyncEngine, projection: int
) -> dict[str, tuple[float | None, str | None]]:
    found = await rows(
        engine,
        "select customer_id, score, band from standings where projection = :id",
        id=projection,
    )
    return {r.customer_id: (r.score, r.band) for r in found}


async def test_a_shadow_keeps_up_tells_nobody_and_takes_over_when_it_is_published(
    engine: AsyncEngine, database_url: str
) -> None:
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(30, 900))
    version = await kept(engine, second_document())
    before = await said(engine)

    begun = await shadow.begin(engine, version, by=make_actor("t"), now=wall())

    assert isinstance(begun, Begun)
    async with built(engine):
        first = await told(engine)
        assert (await publish.find(engine, version)).state == "shadow"  # type: ignore[union-attr]
        assert isinstance(
            await publish.rebuild(engine, by=make_actor("t"), now=wall()), AnotherBuilding
        )
        assert isinstance(
            await shadow.begin(engine, version, by=make_actor("t"), now=wall()), AnotherBuilding
        )
        assert await said(engine) == before
        assert await scalar(engine, "select count(*) from shadow_marks") > 0

        await folded(engine, database_url, appender, story(30, 300, seed=2))
        later = await told(engine)

        assert (
            0 < first.customers <= later.customers
        )  # some wait for the live version to decide them first
        assert later.publication.folded == first.publication.folded + 300
        assert sum(m.customers for m in later.moves) == later.customers
        assert (
            later.total.changed == sum(m.customers for m in later.moves if m.live != m.shadow) > 0
        )
        assert later.furthest[0].live.score != later.furthest[0].shadow.score
        shadowed = await standings(engine, begun.projection)

        assert await publish.publish(engine, version, by=make_actor("t"), now=wall()) == begun
        await until(lambda: _is_live(engine, begun.projection))

    assert await shadow.summary(engine, wall()) is None
    scores = {c: s for c, (s, _) in (await standings(engine, begun.projection)).items()}
    assert all(abs((scores[c] or 0) - (score or 0)) < 0.1 for c, (score, _) in shadowed.items())


async def _is_live(engine: AsyncEngine, projection: int) -> bool:
    return bool(
        await scalar(engine, "select state = 'live' from projections where id = :id", id=projection)
    )


async def test_a_shadow_that_is_ended_leaves_nothing_behind(
    engine: AsyncEngine, database_url: str
) -> None:
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(5, 60))
    version = await kept(engine, second_document())
    assert isinstance(await shadow.begin(engine, 99, by=make_actor("t"), now=wall()), Unknown)
    assert isinstance(await shadow.begin(engine, 1, by=make_actor("t"), now=wall()), Live)
    begun = await shadow.begin(engine, version, by=make_actor("t"), now=wall())
    assert isinstance(begun, Begun)
    async with built(engine):
        await told(engine)

        assert await shadow.end(engine, by=make_actor("t"), now=wall())

    await supervisor.clear_retired(engine, grace_seconds=0)
    for table in ("standings", "states", "timers", "shadow_marks", "partitions"):
        assert (
            await scalar(
                engine, f"select count(*) from {table} where projection = {begun.projection}"
            )
            == 0
        )
    assert (
        await scalar(
            engine, "select count(*) from pg_indexes where indexname like 'archive_%_fold'"
        )
        == 0
    )
    assert not await shadow.end(engine, by=make_actor("t"), now=wall())
    assert (await publish.find(engine, version)).state == "draft"  # type: ignore[union-attr]


async def test_both_are_judged_by_who_left_once_the_horizon_is_over(
    engine: AsyncEngine, database_url: str
) -> None:
    appender = await installed(engine)
    events = [
        make_event("session.started", id=f"e{n}-{i}", customer_id=f"c{n}", occurred_at=ago(i % 9))
        for n in range(20)
        for i in range(n + 5)
    ]
    document = yaml.safe_load(default_document()) | {"name": "other", "risk": {"horizon_days": 7}}
    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(lambda: _decided(engine, 20))
    version = await kept(engine, yaml.safe_dump(document, sort_keys=False))
    begun = await shadow.begin(engine, version, by=make_actor("t"), now=wall())
    assert isinstance(begun, Begun)
    async with built(engine):
        assert (await told(engine)).outcomes.rows == 0
    async with (
        engine.begin() as conn
    ):  # as if it had been marked eight days ago, and some had left since
        await conn.execute(
            text("update shadow_marks set marked_at = marked_at - interval '8 days'")
        )
        for key in await _keys(engine, [f"c{n}" for n in range(7)]):
            await conn.execute(
                text("insert into ledger values (:key, :us, 0, :key, 2)"),
                {"key": key, "us": to_us(wall() - timedelta(days=3))},
            )

    found = await shadow.summary(engine, wall())

    assert found is not None
    assert (found.outcomes.horizon_days, found.outcomes.left) == (7.0, 7)
    assert found.outcomes.live is not None
    assert found.outcomes.live.auc > 0.9
    assert found.outcomes.live.brier_skill is None  # a ranking
    assert found.outcomes.auc_gain is not None


def ago(days: int) -> str:
    return (wall() - timedelta(days=days, hours=1)).isoformat()


async def _keys(engine: AsyncEngine, ids: list[str]) -> list[int]:
    return [
        r.key
        for r in await rows(
            engine, "select key from customers where customer_id = any(:ids)", ids=ids
        )
    ]


async def test_a_shadow_does_not_hold_up_the_trimming_of_the_log(
    engine: AsyncEngine, database_url: str
) -> None:
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(3, 10))
    begun = await shadow.begin(
        engine, await kept(engine, second_document()), by=make_actor("t"), now=wall()
    )
    assert isinstance(begun, Begun)
    async with processing(engine, database_url, wall):
        await append(appender, story(3, 10, seed=4))
        await until(lambda: _counted(engine, 20))

    async with built(engine):
        await told(engine)

    offsets = await rows(
        engine,
        "select projection, sum(table_offset) as total from partitions group by 1 order by 1",
    )
    assert offsets[0].total == offsets[1].total


async def _decided(engine: AsyncEngine, customers: int) -> bool:
    return bool(
        await scalar(engine, "select count(risk) from standings where projection = 1") == customers
    )


async def _counted(engine: AsyncEngine, events: int) -> bool:
    return bool(
        await scalar(engine, "select sum(applied) from partitions where projection = 1") == events
    )
