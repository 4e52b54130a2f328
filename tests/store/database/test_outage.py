"""However a server's end is heard, it is told from a mistake of ours."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from healthsvc.store.database.engine import create_engine, raw
from healthsvc.store.database.outage import is_outage
from healthsvc.store.intake.log import FAULTS
from healthsvc.store.processing import customer_homes, states
from tests.faults import ask as tell


async def ask_the_driver(engine: AsyncEngine) -> None:
    async with engine.connect() as conn:
        await states.many_by_ids(conn, 1, ["c1"])


async def ask_through_sqlalchemy(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await customer_homes.claim(conn, [("c1", 0)])


@pytest.mark.parametrize("ask", [ask_the_driver, ask_through_sqlalchemy])
async def test_a_server_that_goes_away_just_before_a_question_is_an_outage(
    database_url: str, ask
) -> None:
    """Its farewell lies in the socket; how much of it was heard when we ask hangs on the event
    loop's turns."""
    failures = []
    for turns in range(6):
        engine = create_engine(database_url, pool_size=1)
        async with engine.connect() as conn:
            server = await (await raw(conn)).fetchval("select pg_backend_pid()")
        assert tell.value(
            database_url, "select pg_terminate_backend($1, 5000)", server
        )  # the loop stands still
        for _ in range(turns):
            await asyncio.sleep(0)
        try:
            await ask(engine)
        except Exception as error:
            failures.append(error)
        await engine.dispose()
    assert failures
    assert [e for e in failures if not isinstance(e, FAULTS) or not is_outage(e)] == []
