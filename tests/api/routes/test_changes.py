"""`GET /v1/changes` and its stream: every change once and in order, the same as webhooks say."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI

from healthsvc.api import event_stream
from healthsvc.api.deps import Services
from healthsvc.core.changes.filter import NO_FILTER
from healthsvc.flows.admin.retention import drop_old_changes
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire import change_cursors
from healthsvc.wire.webhooks.registry import TYPES
from tests.api.conftest import Switch, client_of, make_key
from tests.api.rows import (
    add_customer,
    add_subscriber,
    fetch,
    flag_change,
    record_changes,
)
from tests.support.clock import Clock

Item = dict[str, Any]


async def read(api: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await api.get("/v1/changes", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def numbers(page: dict[str, Any]) -> list[tuple[str, int]]:
    return [(item["customer_id"], item["sequence"]) for item in page["items"]]


async def test_an_empty_feed_has_a_cursor_that_goes_on(api: httpx.AsyncClient) -> None:
    page = await read(api)

    assert page["items"] == []
    assert page["has_more"] is False
    assert await read(api, cursor=page["next_cursor"]) == page


async def test_changes_come_once_in_the_order_of_each_customer(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    acme, beta = await add_customer(engine, "acme"), await add_customer(engine, "beta")
    for _ in range(3):
        await record_changes(
            engine, flag_change(acme, "acme"), flag_change(beta, "beta", partition=2)
        )
    await record_changes(engine, flag_change(acme, "acme", "usage_drop"))

    pages, cursor = [], None
    for _ in range(9):
        pages.append(await read(api, limit=2, **({"cursor": cursor} if cursor else {})))
        cursor = pages[-1]["next_cursor"]

    seen = [number for page in pages for number in numbers(page)]
    assert sorted(seen) == [("acme", n) for n in (1, 2, 3, 4)] + [("beta", n) for n in (1, 2, 3)]
    assert [n for n in seen if n[0] == "acme"] == [("acme", n) for n in (1, 2, 3, 4)]
    assert pages[-1]["has_more"] is False


async def test_a_change_is_what_its_webhook_says_with_the_same_id(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_subscriber(engine)
    key = await add_customer(engine, "acme/ä")
    await record_changes(engine, flag_change(key, "acme/ä"))

    (item,) = (await read(api))["items"]

    (message,) = await fetch(engine, "select id, body from messages")
    body = json.loads(message["body"])
    assert item["id"] == message["id"]
    assert {name: item[name] for name in body} == body
    assert item["data"]["customer"]["link"] == "/v1/customers/acme%2F%C3%A4"
    jsonschema_rs.validate(TYPES["customer.flag.raised"].schema(), body)


async def test_a_filter_leaves_out_and_its_cursor_passes_over(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "acme")
    await record_changes(
        engine,
        flag_change(key, "acme", owner="kim"),
        flag_change(key, "acme", owner="ana", mrr=10.0),
        flag_change(key, "acme", "usage_drop", owner="Kim"),
    )

    kim = await read(api, owners="KIM")
    rich = await read(api, mrr_from=100, flags="usage_drop")

    assert numbers(kim) == [("acme", 1), ("acme", 3)]
    assert numbers(rich) == [("acme", 3)]
    assert kim["next_cursor"] == rich["next_cursor"] == (await read(api))["next_cursor"]
    assert (await read(api, types="alert.raised"))["items"] == []


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ({"types": "customer.flag.rased"}, "/query/types", "customer.flag.raised"),
        ({"flags": "silnt"}, "/query/flags", "did you mean silent?"),
        ({"bands": "bad"}, "/query/bands", "there are"),
        ({"wait": 31}, "/query/wait", "30"),
        ({"limit": 0}, "/query/limit", "1"),
        ({"type": "alert.raised"}, "/query/type", ""),
    ],
)
async def test_what_can_not_be_asked_is_refused_with_its_place(
    api: httpx.AsyncClient, query: Item, pointer: str, detail: str
) -> None:
    answer = await api.get("/v1/changes", params=query)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/changes/stream"])
@pytest.mark.parametrize("cursor", ["nonsense", change_cursors.encode({0: 5})])
async def test_a_cursor_that_nobody_gave_out_is_refused(
    api: httpx.AsyncClient, path: str, cursor: str
) -> None:
    answer = await api.get(path, params={"cursor": cursor})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-cursor"


async def test_an_older_cursor_than_what_is_kept_is_gone_and_says_where_to_go_on(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "acme")
    await record_changes(engine, flag_change(key, "acme"), flag_change(key, "acme"))
    first = await read(api, limit=1)
    dropped = await drop_old_changes(engine, timedelta(0), lambda: None)
    await record_changes(engine, flag_change(key, "acme"))

    for path in ("/v1/changes", "/v1/changes/stream"):
        answer = await api.get(path, params={"cursor": first["next_cursor"]})
        assert answer.status_code == 410
        problem = answer.json()
        assert problem["type"] == "/problems/cursor-expired"
        assert "read the lists anew" in problem["detail"]
        assert (await read(api, cursor=problem["next_cursor"]))["items"] == []
    assert dropped == 2
    assert numbers(await read(api)) == [("acme", 3)]


async def test_now_is_the_present_end(api: httpx.AsyncClient, engine: AsyncEngine) -> None:
    key = await add_customer(engine, "acme")
    await record_changes(engine, flag_change(key, "acme"))

    end = await read(api, cursor="now")
    await record_changes(engine, flag_change(key, "acme"))

    assert end["items"] == []
    assert numbers(await read(api, cursor=end["next_cursor"])) == [("acme", 2)]


async def test_whoever_waits_is_answered_as_soon_as_something_changes(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "acme")
    cursor = (await read(api))["next_cursor"]
    waiting = [asyncio.create_task(read(api, cursor=cursor, wait=20)) for _ in range(20)]
    await asyncio.sleep(0.2)
    assert not any(each.done() for each in waiting)

    await record_changes(engine, flag_change(key, "acme"))

    assert [numbers(await each) for each in waiting] == [[("acme", 1)]] * 20


async def test_whoever_waits_is_answered_when_the_service_drains(
    api: httpx.AsyncClient, draining: Switch
) -> None:
    waiting = asyncio.create_task(read(api, wait=30))
    await asyncio.sleep(0.1)

    draining.on = True

    assert (await asyncio.wait_for(waiting, 10))["items"] == []


async def test_a_reader_of_customers_alone_may_read_it(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    for scope, status in (("customers:read", 200), ("events:write", 403)):
        key = await make_key(engine, clock, scope)
        async with client_of(app, key) as client:
            assert (await client.get("/v1/changes")).status_code == status


async def parts(stream: AsyncIterator[bytes], count: int) -> list[dict[str, str]]:
    """The next fields of the stream that name an event or a place."""
    found: list[dict[str, str]] = []
    while len(found) < count:
        for block in (await anext(stream)).decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "id" in fields:
                found.append(fields)
    return found


async def always() -> bool:
    return True


async def test_the_stream_sends_each_change_with_the_cursor_behind_it(
    api: httpx.AsyncClient, app: FastAPI, engine: AsyncEngine
) -> None:
    services: Services = app.state.services
    key = await add_customer(engine, "acme")
    await record_changes(engine, *[flag_change(key, "acme") for _ in range(3)])
    stream = event_stream.events(services.changes, {}, NO_FILTER, always, 0.2)

    first, second, third, _ = await parts(stream, 4)
    heartbeat = (await parts(stream, 1))[0]
    await record_changes(engine, flag_change(key, "acme"))
    fourth = (await parts(stream, 1))[0]
    await stream.aclose()

    assert [json.loads(each["data"])["sequence"] for each in (first, second, third)] == [1, 2, 3]
    assert "data" not in heartbeat
    assert json.loads(fourth["data"]) == (await read(api))["items"][3]
    for given, following in ((first["id"], [2, 3, 4]), (heartbeat["id"], [4])):
        page = await read(api, cursor=given)
        assert [item["sequence"] for item in page["items"]] == following


async def test_the_stream_ends_with_the_key_that_opened_it(
    app: FastAPI, engine: AsyncEngine
) -> None:
    async def never() -> bool:
        return False

    services: Services = app.state.services
    stream = event_stream.events(services.changes, {}, NO_FILTER, never, 0.05)

    sent = [part async for part in stream]

    assert sent[0] == event_stream.RETRY
    assert all(part.startswith(b": nothing new") for part in sent[1:])
