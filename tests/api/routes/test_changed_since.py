"""Whoever polls with `changed_since` gets what has changed since, and misses nothing."""

import asyncio
import random
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from healthsvc.flows.customers import summary_changes
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.wire.cursors import Cursor, encode
from tests.api.rows import add_customer

PATH = "/v1/customers"


async def poll(api: httpx.AsyncClient, since: str | None = None, **query: Any) -> dict[str, Any]:
    asked = {"sort": "customer_id", **query} | ({"changed_since": since} if since else {})
    answer = await api.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ids(page: dict[str, Any]) -> list[str]:
    return [item["customer_id"] for item in page["items"]]


async def write(conn: AsyncConnection, customer_id: str, risk: float) -> None:
    """As a flush writes the summary."""
    await conn.execute(
        text(
            "update standings set risk = :risk, changed = pg_current_xact_id()"
            " where customer_id = :id"
        ),
        {"risk": risk, "id": customer_id},
    )


async def test_only_customers_that_have_changed_since_are_listed(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for name in ("a", "b", "c"):
        await add_customer(engine, name)
    first = await poll(api)

    quiet = await poll(api, first["changes_cursor"])
    async with engine.begin() as conn:
        await write(conn, "b", 0.9)
    await add_customer(engine, "d", band="critical")
    changed = await poll(api, quiet["changes_cursor"])
    critical = await poll(api, quiet["changes_cursor"], band="critical")
    again = await poll(api, changed["changes_cursor"])

    assert [ids(page) for page in (first, quiet, changed, critical, again)] == [
        ["a", "b", "c"],
        [],
        ["b", "d"],
        ["d"],
        [],
    ]


async def test_what_was_not_committed_yet_comes_the_next_time(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for name in ("late", "quick"):
        await add_customer(engine, name, risk=0.1)
    start = (await poll(api))["changes_cursor"]

    async with engine.begin() as late:
        await write(late, "late", 0.9)
        async with engine.begin() as quick:
            await write(quick, "quick", 0.9)
        before = await poll(api, start)
    after = await poll(api, before["changes_cursor"])

    assert ids(before) == ["quick"]
    assert ids(after) == ["late"]


async def test_writers_that_commit_in_any_order_lose_nothing(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    names = [f"c{number}" for number in range(6)]
    for name in names:
        await add_customer(engine, name, risk=0.0)
    chance, last = random.Random(7), dict.fromkeys(names, 0.0)

    async def writer(name: str) -> None:
        for number in range(1, 9):
            async with engine.begin() as conn:
                await write(conn, name, number / 10)
                await asyncio.sleep(chance.random() / 100)
            last[name] = number / 10
            await asyncio.sleep(chance.random() / 100)

    known: dict[str, float] = {}
    cursor = None
    writing = asyncio.gather(*map(writer, names))
    while True:
        is_last = writing.done()
        page = await poll(api, cursor)
        known |= {item["customer_id"]: item["risk"] for item in page["items"]}
        cursor = page["changes_cursor"]
        if is_last:
            break
    await writing

    assert known == last


async def test_pages_have_one_cursor_of_changes_on_the_first(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for name in ("a", "b", "c"):
        await add_customer(engine, name)
    start = (await poll(api, limit=1))["changes_cursor"]
    async with engine.begin() as conn:
        for name in ("a", "b", "c"):
            await write(conn, name, 0.9)

    first = await poll(api, start, limit=2)
    second = await poll(api, start, limit=2, cursor=first["next_cursor"])

    assert (ids(first), ids(second)) == (["a", "b"], ["c"])
    assert first["changes_cursor"] is not None
    assert second["changes_cursor"] is None


async def test_after_another_projection_has_taken_over_everything_has_changed(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_customer(engine, "a")
    cursor = (await poll(api))["changes_cursor"]
    async with engine.begin() as conn:
        await conn.execute(text("update projections set state = 'retired'"))
        await conn.execute(
            text(
                "insert into projections select (jsonb_populate_record(p, :changes)).*"
                " from projections p"
            ),
            {"changes": '{"id": 2, "state": "live"}'},
        )
        await conn.execute(text("update standings set projection = 2, changed = '0'"))

    assert ids(await poll(api, cursor)) == ["a"]


def cursor_of(snapshot: str) -> str:
    return encode(Cursor(keys=(1, snapshot)), summary_changes.BINDING)


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "nonsense", "WyJmMWQ4ZjI0MTZlNmMiLDAsMSw3NDNd"),
        *map(cursor_of, ("", "7", "0:0:", "9:5:", "5:9:4", "5:9:7,6", "5:9:9", "5:9:7,", "5:9:x")),
        cursor_of("5:99999999999999999999:"),
    ],
)
async def test_a_cursor_of_something_else_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    answer = await api.get(PATH, params={"changed_since": cursor})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-cursor"


async def test_a_cursor_from_the_future_is_refused(
    api: httpx.AsyncClient,
) -> None:
    future = encode(Cursor(keys=(1, f"{1 << 40}:{1 << 40}:")), summary_changes.BINDING)

    answer = await api.get(PATH, params={"changed_since": future})

    assert answer.json()["type"] == "/problems/invalid-cursor"


async def test_where_very_many_transactions_run_a_cursor_stays_short() -> None:
    long = "5:9000:" + ",".join(str(number) for number in range(5, 9000))

    assert summary_changes.shortened(long) == "5:5:"
    assert summary_changes.shortened("5:9:5,7") == "5:9:5,7"
