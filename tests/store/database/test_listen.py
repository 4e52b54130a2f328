"""The listener wakes its waiter, forgets nothing between two waits, and survives a lost
connection."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database.engine import connect
from healthsvc.store.database.listen import Listener
from tests.faults import ask as tell
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture
async def speaker(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(database_url)
    yield conn
    await conn.close()


async def test_the_first_wait_answers_at_once_since_something_may_have_been_said_before(
    database_url: str,
) -> None:
    async with Listener(database_url) as listener:
        assert await listener.wait({"c"}, PATIENCE_SECONDS)


async def test_a_timeout_is_a_normal_answer(database_url: str) -> None:
    async with Listener(database_url) as listener:
        await listener.wait({"c"}, PATIENCE_SECONDS)
        assert not await listener.wait({"c"}, 0.05)


async def test_a_notification_wakes_the_waiter_at_once(
    database_url: str, speaker: asyncpg.Connection
) -> None:
    async with Listener(database_url) as listener:
        await listener.wait({"c"}, PATIENCE_SECONDS)
        waiting = asyncio.create_task(listener.wait({"c"}, PATIENCE_SECONDS))
        await asyncio.sleep(0.05)
        await speaker.execute("notify c, '3'")
        assert await waiting


async def test_what_is_said_between_two_waits_is_kept(
    database_url: str, speaker: asyncpg.Connection
) -> None:
    async with Listener(database_url) as listener:
        await listener.wait({"c"}, PATIENCE_SECONDS)
        await speaker.execute("notify c")
        await asyncio.sleep(0.2)
        assert await listener.wait({"c"}, PATIENCE_SECONDS)
        assert not await listener.wait({"c"}, 0.0)


async def test_another_channel_does_not_wake(
    database_url: str, speaker: asyncpg.Connection
) -> None:
    async with Listener(database_url) as listener:
        await listener.wait({"a", "b"}, PATIENCE_SECONDS)
        await listener.wait({"a", "b"}, 0.0)
        await speaker.execute("notify b")
        assert not await listener.wait({"a"}, 0.3)
        assert await listener.wait({"b"}, PATIENCE_SECONDS)


async def test_after_a_lost_connection_the_next_wait_says_look(
    database_url: str, speaker: asyncpg.Connection
) -> None:
    async with Listener(database_url) as listener:
        await listener.wait({"c"}, PATIENCE_SECONDS)
        waiting = asyncio.create_task(listener.wait({"c"}, 2 * PATIENCE_SECONDS))
        await asyncio.sleep(0.05)
        await speaker.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'healthsvc-listen' and datname = current_database()"
        )
        assert await asyncio.wait_for(waiting, PATIENCE_SECONDS)


async def test_a_server_that_is_away_is_a_timeout_not_an_error(
    own_postgres: EmbeddedPostgres,
) -> None:
    url = await asyncio.to_thread(own_postgres.start)
    async with Listener(url) as listener:
        await listener.wait({"c"}, PATIENCE_SECONDS)
        await asyncio.to_thread(own_postgres.stop)
        await listener.wait({"c"}, 0.3)
        assert not await listener.wait({"c"}, 0.3)
        await asyncio.to_thread(own_postgres.start)
        assert await listener.wait({"c"}, PATIENCE_SECONDS)


async def test_a_server_that_goes_away_just_before_we_listen_is_one_that_is_away(
    database_url: str,
) -> None:
    """Its farewell lies in the socket; how much of it was heard when we listen hangs on the event
    loop's turns."""
    for turns in range(4):
        async with Listener(database_url) as listener:
            await listener.wait({"c"}, PATIENCE_SECONDS)
            sql = (
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where"
                " application_name = $1"
            )
            assert tell.value(
                database_url, sql + " and datname = current_database()", "healthsvc-listen"
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            await listener.wait({"d"}, 0.01)
            assert await listener.wait({"c"}, PATIENCE_SECONDS)
