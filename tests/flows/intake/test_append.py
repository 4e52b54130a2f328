"""Group commit: callers share a transaction, and neither its failure nor anyone's impatience mixes
their answers up."""

import asyncio
from zlib import crc32

import pytest
from sqlalchemy import text

from healthsvc.flows.intake import append
from healthsvc.flows.intake.append import (
    Appender,
    AppendFailed,
    Overloaded,
    Position,
    append_within,
)
from healthsvc.flows.intake.customer_homes import Homes
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine, connect, create_engine
from healthsvc.store.database.listen import Listener
from healthsvc.store.intake import log, log_reader
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture(autouse=True)
async def _partitions(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 4)


async def event_at(engine: AsyncEngine, position: Position) -> str:
    async with engine.connect() as conn:
        return (await log_reader.read(conn, position.partition, position.position, 1))[0].event


async def transactions(engine: AsyncEngine) -> int:
    """How many appends there were: their entries share the transaction that wrote them."""
    async with engine.connect() as conn:
        return (
            await conn.execute(text("select count(distinct xmin::text) from log_entries"))
        ).scalar_one()


async def test_each_caller_gets_the_positions_of_its_own_events(engine: AsyncEngine) -> None:
    appender = Appender(engine, 4)
    batches = [
        [(f"customer {n % 7}", f"event {n}.{k}") for k in range(n % 3 + 1)] for n in range(40)
    ]

    answers = await asyncio.gather(*(appender.append(batch) for batch in batches))

    for batch, positions in zip(batches, answers, strict=True):
        assert [await event_at(engine, position) for position in positions] == [
            event for _, event in batch
        ]
    await appender.close()


async def test_waiting_callers_share_a_transaction(engine: AsyncEngine) -> None:
    appender = Appender(engine, 4)
    await asyncio.gather(*(appender.append([(f"c{n}", "e")]) for n in range(100)))
    assert await transactions(engine) <= 2
    await appender.close()


async def test_an_unseen_customer_lives_where_its_checksum_says_and_a_known_one_where_it_lives(
    engine: AsyncEngine,
) -> None:
    elsewhere = (crc32(b"moved") + 1) % 4
    async with engine.begin() as conn:
        await conn.execute(
            text("insert into customers (customer_id, partition) values ('moved', :p)"),
            {"p": elsewhere},
        )
    appender = Appender(engine, 4)
    for _ in range(2):
        positions = await appender.append([("new", "e"), ("moved", "e")])
        assert [position.partition for position in positions] == [crc32(b"new") % 4, elsewhere]
    await appender.close()


async def test_a_failed_transaction_fails_its_callers_and_not_the_next(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LOCK_SECONDS", 0.2)
    appender = Appender(engine, 4)
    holder = await connect(database_url)
    async with holder.transaction():
        await holder.execute("select from log_heads for update")
        results = await asyncio.gather(
            *(appender.append([("c", "e")]) for _ in range(3)), return_exceptions=True
        )
    await holder.close()
    assert [type(result) for result in results] == [AppendFailed] * 3
    assert await appender.append([("c", "e")]) == [Position(crc32(b"c") % 4, 0)]
    await appender.close()


async def test_a_rolled_back_claim_is_not_remembered(engine: AsyncEngine) -> None:
    homes = Homes()
    async with engine.connect() as conn:
        await append_within(conn, [("c", "e")], partitions=4, known_homes=homes)
        await conn.rollback()
    assert homes.get("c") is None


async def test_a_cancelled_caller_does_not_disturb_the_others(engine: AsyncEngine) -> None:
    appender = Appender(engine, 4)
    tasks = [asyncio.create_task(appender.append([(f"c{n}", f"event {n}")])) for n in range(9)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    for n, result in enumerate(results):
        if n % 3:
            assert isinstance(result, list)
            assert await event_at(engine, result[0]) == f"event {n}"
        else:
            assert isinstance(result, asyncio.CancelledError)
    await appender.close()


async def test_too_much_waiting_is_refused_at_once_and_nothing_of_it_is_written(
    engine: AsyncEngine,
) -> None:
    appender = Appender(engine, 4, max_waiting=10)
    waiting = asyncio.create_task(appender.append([("c", str(n)) for n in range(8)]))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await appender.append([("c", "x")] * 3)
    assert caught.value.retry_after > 0
    assert len(await waiting) == 8
    await appender.close()
    async with engine.connect() as conn:
        assert (await conn.execute(text("select count(*) from log_entries"))).scalar_one() == 8


async def test_a_batch_beyond_the_bound_is_written_when_nothing_else_waits(
    engine: AsyncEngine,
) -> None:
    appender = Appender(engine, 4, max_waiting=10, max_transaction=5)
    assert len(await appender.append([("c", str(n)) for n in range(25)])) == 25
    await appender.close()


async def test_closing_writes_what_waits_and_refuses_what_comes(engine: AsyncEngine) -> None:
    appender = Appender(engine, 4)
    waiting = asyncio.create_task(appender.append([("c", "e")]))
    await asyncio.sleep(0)
    await appender.close()
    assert len(await waiting) == 1
    with pytest.raises(Overloaded):
        await appender.append([("c", "e")])


async def test_a_waiter_hears_without_any_poll_when_its_positions_are_folded_by_the_live_projection(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "POLL_SECONDS", 2 * PATIENCE_SECONDS)
    async with Listener(database_url) as listener:
        appender = Appender(engine, 4, listener=listener)
        positions = await appender.append([("a", "e"), ("b", "e")])
        assert not await appender.wait_for(positions, 0.3)

        waiting = asyncio.create_task(appender.wait_for(positions, 2 * PATIENCE_SECONDS))
        await asyncio.sleep(0.2)
        async with engine.begin() as conn:
            for position in positions:
                await conn.execute(
                    text(
                        "update partitions set table_offset = :o where partition = :p"
                        " returning pg_notify('healthsvc_flushed', '')"
                    ),
                    {"o": position.position + 1, "p": position.partition},
                )
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await waiting
        await appender.close()


async def test_a_waiter_gives_up_in_time_while_the_database_is_away() -> None:
    nowhere = create_engine("postgresql://nobody@127.0.0.1:1/none")
    appender = Appender(nowhere, 4)
    assert not await appender.wait_for([Position(0, 0)], 0.2)
    with pytest.raises(AppendFailed):
        await appender.append([("c", "e")])
    await appender.close()


@pytest.mark.parametrize("shown", ["", "3", "3-", "a-1", "3--1", "1-2-3", "-1-2", "²-1"])
def test_what_is_not_a_position_is_refused(shown: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason
        Position.parse(shown)


def test_a_position_reads_back_as_shown() -> None:
    assert Position.parse(str(Position(3, 1234))) == Position(3, 1234)


def test_homes_beyond_the_bound_are_forgotten_the_least_used_first() -> None:
    homes = Homes(2)
    homes.learn({"a": 1, "b": 2})
    homes.get("a")
    homes.learn({"c": 3})
    assert (homes.get("a"), homes.get("b"), homes.get("c")) == (1, None, 3)
