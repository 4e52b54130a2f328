"""A database whose states another version wrote: nothing is folded onto them, they are built anew
from the archive."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.processing.state_format import UnreadableStates
from healthsvc.flows.projections.upgrade import make_readable
from tests.flows.processing.test_worker import applied, used
from tests.flows.projections.test_rebuild import (
    folded,
    live_id,
    looking_after,
    published,
    second_document,
    states_of,
)
from tests.flows.spine import append, installed, processing, scalar, wall
from tests.support.former_states import former_state
from tests.support.waiting import PATIENCE_SECONDS, until

WRITTEN_BY_ANOTHER = (
    "update states set state = set_byte(state, 0, 99), decision = substring(decision for 80)"
)


async def written_by_another_version(engine, url) -> None:
    """Six events of two customers, counted, and then their states as another version would have
    them."""
    events = [
        used(name, wall() - timedelta(hours=i)) for name in ("acme", "bolt") for i in range(3)
    ]
    await folded(engine, url, await installed(engine, 2), events)
    async with engine.begin() as conn:
        await conn.execute(text(WRITTEN_BY_ANOTHER))


async def test_they_stop_a_worker_before_any_event_with_the_command_that_helps(
    engine, database_url
):
    await written_by_another_version(engine, database_url)

    with pytest.raises(UnreadableStates, match="healthsvc rebuild"):
        async with processing(engine, database_url, wall) as worker:
            await asyncio.wait([worker], timeout=PATIENCE_SECONDS)

    assert await scalar(engine, "select count(*) from dead_letters") == 0
    assert await applied(engine) == 6


async def test_they_are_built_anew_and_folding_goes_on(engine, database_url):
    await folded(
        engine, database_url, await installed(engine, 2), [used("acme", wall()) for _ in range(3)]
    )
    before, appender = await states_of(engine, await live_id(engine)), await installed(engine, 2)
    async with engine.begin() as conn:
        await conn.execute(text(WRITTEN_BY_ANOTHER))

    async def counted(events: int) -> bool:
        return await applied(engine) == events

    await published(engine, second_document())  # begun by the other version, too, and never ended

    async with looking_after(engine):
        await asyncio.wait_for(
            make_readable(engine, now=wall, stop=asyncio.Event()), PATIENCE_SECONDS
        )
        after = await states_of(engine, await live_id(engine))
        async with processing(engine, database_url, wall):
            await append(appender, [used("acme", wall())])
            await until(lambda: counted(4))

    assert {name: state for name, (state, _) in after.items()} == {
        name: state for name, (state, _) in before.items()
    }
    found = await customer_health(engine, "acme", wall())
    assert found is not None
    assert found.events_total == 4


async def test_an_archive_with_holes_refuses_and_says_what_can_be_done(engine, database_url):
    await written_by_another_version(engine, database_url)
    async with engine.begin() as conn:
        await conn.execute(text("delete from archive"))

    async with looking_after(engine):
        with pytest.raises(UnreadableStates, match="--with-gaps"):
            await asyncio.wait_for(
                make_readable(engine, now=wall, stop=asyncio.Event()), PATIENCE_SECONDS
            )


async def as_a_former_version_wrote_them(engine) -> None:
    async with engine.begin() as conn:
        for key, state in await conn.execute(text("select customer_key, state from states")):
            await conn.execute(
                text("update states set state = :state where customer_key = :key"),
                {"state": former_state(state), "key": key},
            )


async def test_states_of_the_former_format_serve_while_others_are_built_beside_them(
    engine, database_url
):
    events = [used("acme", wall()) for _ in range(3)]
    await folded(engine, database_url, await installed(engine, 2), events)
    before = await live_id(engine)
    await as_a_former_version_wrote_them(engine)

    async def taken_over() -> bool:
        return await live_id(engine) != before

    await asyncio.wait_for(make_readable(engine, now=wall, stop=asyncio.Event()), PATIENCE_SECONDS)
    served = await customer_health(engine, "acme", wall())
    assert served is not None
    assert served.events_total == 3
    async with looking_after(engine), processing(engine, database_url, wall):
        await until(taken_over)
    first = {state[0] for state, _ in (await states_of(engine, await live_id(engine))).values()}
    assert first == {4}


async def test_with_the_archive_off_states_of_the_former_format_go_on_serving(engine, database_url):
    events = [used("acme", wall()) for _ in range(3)]
    await folded(engine, database_url, await installed(engine, 2), events)
    before = await live_id(engine)
    await as_a_former_version_wrote_them(engine)
    async with engine.begin() as conn:
        await conn.execute(text("delete from archive"))

    async def failed() -> bool:
        sql = "select count(*) from projections where failure is not null"
        return await scalar(engine, sql) == 1

    async with looking_after(engine):
        for _ in range(2):
            await asyncio.wait_for(
                make_readable(engine, now=wall, stop=asyncio.Event()), PATIENCE_SECONDS
            )
            await until(failed)
    assert await live_id(engine) == before
    served = await customer_health(engine, "acme", wall())
    assert served is not None
    assert served.events_total == 3
