"""What lists say: the whole of it once, then what moves, and the profile again when it changes."""

from datetime import datetime, timedelta
from typing import Any

from healthsvc.flows.projections import publish
from tests.flows.projections.test_rebuild import build, folded
from tests.flows.spine import append, applied, installed, processing, rows, wall
from tests.support.clock import Clock
from tests.support.makers import make_actor, make_event
from tests.support.waiting import until


def told(now: datetime, days: float, type: str, customer: str = "a", **data: Any) -> dict[str, Any]:
    """So many days before now."""
    at = (now - timedelta(days=days)).isoformat()
    return make_event(type, customer_id=customer, data=data) | {"occurred_at": at}


async def listed(engine: Any, customer: str = "a") -> Any:
    (found,) = await rows(
        engine,
        "select customer_id, name, owner, segment, stage, band, score, flags from standings where"
        " customer_id = :id",
        id=customer,
    )
    return found


async def test_a_move_leaves_the_profile_as_it_is_listed_and_a_new_profile_is_listed_whole(
    engine, database_url
):
    appender, now = await installed(engine), wall()
    used = [told(now, days, "feature.used", feature="export") for days in range(1, 60)]
    await folded(
        engine,
        database_url,
        appender,
        [told(now, 60, "customer.updated", name="Acme", owner="kim"), *used],
    )
    first = await listed(engine)
    assert (first.name, first.owner, first.segment) == ("Acme", "kim", None)
    assert first.score is not None

    await folded(
        engine,
        database_url,
        appender,
        [told(now, 0, "page.viewed", url="https://x.example/account/cancel")],
    )
    second = await listed(engine)
    assert (second.name, second.owner, second.segment) == ("Acme", "kim", None)
    assert "cancel_intent" in second.flags
    assert second.score < first.score - 5

    await folded(
        engine,
        database_url,
        appender,
        [told(now, 0, "customer.updated", segment="smb", owner="lee")],
    )
    third = await listed(engine)
    assert (third.name, third.owner, third.segment) == ("Acme", "lee", "smb")
    assert (third.band, third.flags) == (second.band, second.flags)


async def test_a_profile_learnt_while_decisions_wait_for_an_import_is_listed_by_whoever_decides(
    engine, database_url
):
    """Its events are old, so the flush that folds them decides nothing; another worker does, that
    never read them."""
    appender, clock = await installed(engine), Clock(wall())
    used = [told(clock.at, days, "feature.used", feature="export") for days in range(100, 160)]
    async with processing(engine, database_url, clock):
        await append(appender, [told(clock.at, 160, "customer.updated", name="Acme"), *used])
        await until(lambda: is_counted(engine, 61))
        clock.advance(seconds=30)
        await until(lambda: is_listed(engine))
    async with processing(engine, database_url, clock, worker="w2"):
        await append(appender, [told(clock.at, 99, "customer.updated", name="Acme Ltd")])
        await until(lambda: is_counted(engine, 62))
    assert (await listed(engine)).name == "Acme"

    clock.advance(seconds=30)
    async with processing(engine, database_url, clock, worker="w3"):
        await until(lambda: has_name(engine, "Acme Ltd"))


async def test_a_rebuild_lists_those_too_of_whom_too_little_is_known(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(engine, database_url, appender, [told(now, 0, "customer.updated", name="New")])
    assert (await listed(engine)).band is None

    assert isinstance(
        await publish.rebuild(engine, by=make_actor("test"), now=wall()), publish.Begun
    )
    assert await build(engine)

    found = await rows(
        engine, "select projection, customer_id, name, band from standings where projection = 2"
    )
    assert [tuple(row) for row in found] == [(2, "a", "New", None)]


async def is_counted(engine: Any, events: int) -> bool:
    return await applied(engine) >= events


async def is_listed(engine: Any) -> bool:
    return bool(await rows(engine, "select 1 from standings"))


async def has_name(engine: Any, name: str) -> bool:
    return (await listed(engine)).name == name
