"""The routes that are answered without the framework answer what the framework's do."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from healthsvc.api.hot_routes import HotRoutes
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import (
    ADMIN_KEY,
    PARTITIONS,
    Switch,
    UrlChecker,
    client_of,
    make_app,
    make_key,
)
from tests.api.rows import add_alert, add_customer
from tests.support.clock import Clock

CUSTOMER, EXPLANATION = "/v1/customers/acme", "/v1/customers/acme/health/explanation"
SLASHED = "/v1/customers/a%2Fb%20c"
LISTS = ("/v1/customers?limit=1", "/v1/alerts?sort=rank", "/v1/alerts", "/v1/worklist?language=pt")
HEADERS = ("content-type", "content-language", "etag", "vary", "www-authenticate", "allow")

Request = tuple[str, str, dict[str, str]]
REQUESTS: list[Request] = [
    (method, path, headers)
    for path in (CUSTOMER, EXPLANATION, SLASHED, *LISTS)
    for method, headers in (
        ("GET", {}),
        ("HEAD", {}),
        ("GET", {"accept-language": "pt-BR, en;q=0.5"}),
        ("GET", {"accept": "text/html"}),
        ("GET", {"x-actor": "kim"}),
        ("GET", {"x-actor": "\n"}),
        ("GET", {"authorization": f"bearer {ADMIN_KEY}"}),
        ("GET", {"authorization": f"Bearer  {ADMIN_KEY}"}),
        ("GET", {"authorization": "Bearer nobody"}),
        ("GET", {"authorization": ""}),
        ("GET", {"authorization": "writer"}),
        ("GET", {"if-none-match": '"other", W/"tag"'}),
        ("POST", {}),
        ("DELETE", {}),
    )
] + [
    ("GET", path, {})
    for path in (
        f"{CUSTOMER}?language=pt",
        f"{CUSTOMER}?language=en",
        f"{CUSTOMER}?language=fr",
        f"{CUSTOMER}?langauge=pt",
        f"{EXPLANATION}?language=pt",
        f"{EXPLANATION}?at=2026-01-01T00:00:00Z",
        f"{EXPLANATION}?at=tomorrow",
        "/v1/customers/nobody",
        "/v1/customers/nobody/health/explanation",
        "/v1/customers/acme/health",
        "/v1/customers/acme/",
        "/v1/customers/a/b",
        "/v1/customers/%FF",
        "/v1/customers/a%00b",
        "/v1/customers/" + "x" * 600,
        "/v1/customers/",
        "/v1/customers?limit=none",
        "/v1/customers?cursor=none",
        "/v1/worklist?limit=1&limit=2",
        "/v1/customers//health/explanation",
    )
]


@pytest.fixture
async def both(
    engine: AsyncEngine, clock: Clock
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Clients of the application as it is, and of one that has the framework's routes alone."""
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, PARTITIONS)
    appender = Appender(engine, PARTITIONS)
    apps = [make_app(engine, appender, clock, UrlChecker(), Switch()) for _ in range(2)]
    apps[1].user_middleware = [m for m in apps[1].user_middleware if m.cls is not HotRoutes]
    async with client_of(apps[0], ADMIN_KEY) as hot, client_of(apps[1], ADMIN_KEY) as cold:
        yield hot, cold
    await appender.close()


async def test_both_routes_answer_alike(
    both: tuple[httpx.AsyncClient, httpx.AsyncClient], engine: AsyncEngine, clock: Clock
) -> None:
    for customer_id in ("acme", "a/b c"):
        await add_customer(engine, customer_id)
    writer = await make_key(engine, clock, "events:write")

    for method, path, headers in REQUESTS:
        if headers.get("authorization") == "writer":
            headers = {"authorization": f"Bearer {writer}"}
        for _ in range(2):
            hot, cold = [await client.request(method, path, headers=headers) for client in both]

            assert shown(hot) == shown(cold), (method, path, headers)


EVENT = {
    "id": "e-1",
    "source": "site",
    "type": "page.viewed",
    "customer_id": "acme",
    "occurred_at": "2026-03-02T08:59:00Z",
    "data": {"url": "https://example.com/account/cancel"},
}
ONE = json.dumps(EVENT)
TWO = json.dumps([EVENT, EVENT | {"id": "e-2", "customer_id": "b"}])
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "headers", "path"),
    [
        (ONE, JSON, ""),
        (TWO, JSON, ""),
        (ONE, {"content-type": "application/json; charset=utf-8"}, ""),
        (ONE, {"content-type": "text/plain"}, ""),
        (ONE, {}, ""),
        (ONE, JSON | {"content-encoding": "zip"}, ""),
        (ONE, JSON | {"prefer": "wait=0"}, ""),
        (ONE, JSON | {"ce-id": "1", "ce-specversion": "1.0"}, ""),
        (ONE, JSON | {"authorization": "Bearer nobody"}, ""),
        (ONE, JSON | {"x-actor": ""}, ""),
        (ONE, JSON, "?a=b"),
        (json.dumps([EVENT, EVENT]), JSON, ""),
        (json.dumps([EVENT, EVENT | {"type": "page.veiwed"}, EVENT | {"id": 1}, 7]), JSON, ""),
        (json.dumps([EVENT | {"id": f"e-{n}"} for n in range(1001)]), JSON, ""),
        (json.dumps(EVENT | {"occurred_at": "now"}), JSON, ""),
        ("[]", JSON, ""),
        ("", JSON, ""),
        ("null", JSON, ""),
        ("{", JSON, ""),
        ("[" + ONE, JSON, ""),
        ("[" * 3000, JSON, ""),
        (" " * 1_100_000, JSON, ""),
    ],
    ids=range(22),
)
async def test_events_are_answered_alike(
    both: tuple[httpx.AsyncClient, httpx.AsyncClient],
    body: str,
    headers: dict[str, str],
    path: str,
) -> None:
    hot, cold = [
        await client.post(f"/v1/events{path}", content=body, headers=headers) for client in both
    ]

    assert shown(hot) == shown(cold)


def shown(answer: httpx.Response) -> tuple[int, dict[str, str | None], Any]:
    headers = {name: answer.headers.get(name) for name in HEADERS}
    body = answer.json() if answer.content else None
    if answer.status_code >= 400 and body is not None:
        del body["request_id"]
    if isinstance(body, dict):
        body.pop("changes_cursor", None)  # a snapshot of transactions: it moves with each one
    if answer.status_code == 202 and body is not None:
        assert (body.pop("position") is None) == all(
            result["status"] == "rejected" for result in body["results"]
        )
    return answer.status_code, headers, body


async def test_an_answer_is_the_same_with_its_tag_until_something_changes_or_ten_seconds_are_over(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await add_customer(engine, "acme")
    for path in (CUSTOMER, "/v1/customers", "/v1/worklist"):
        first = await api.get(path)
        clock.advance(seconds=4)
        again = await api.get(path)
        unchanged = await api.get(path, headers={"if-none-match": first.headers["etag"]})
        clock.advance(seconds=6)
        later = await api.get(path, headers={"if-none-match": first.headers["etag"]})

        assert again.content == first.content
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == first.headers["etag"]
        assert later.status_code == 200
        assert later.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/v1/customers", "update standings set score = 12"),
        ("/v1/customers?limit=1", "delete from standings"),
        ("/v1/alerts", "update alerts set state = 'acknowledged'"),
        ("/v1/worklist", "update alerts set state = 'resolved'"),
        ("/v1/worklist", "update partitions set applied = applied + 1"),
        ("/v1/alerts?sort=rank", "update partitions set applied = applied + 1"),
        ("/v1/scorecards", "insert into scorecards (version, name, document) values (9, 'x', '')"),
    ],
)
async def test_a_lists_tag_is_out_of_date_once_what_it_shows_changes(
    api: httpx.AsyncClient, engine: AsyncEngine, path: str, change: str
) -> None:
    await add_customer(engine, "acme")
    await add_alert(engine, "al_1")
    before = (await api.get(path)).headers["etag"]
    unchanged = await api.get(path, headers={"if-none-match": f'"x", {before}'})
    async with engine.begin() as conn:
        await conn.execute(text(change))

    after = await api.get(path, headers={"if-none-match": before})

    assert unchanged.status_code == 304
    assert after.status_code == 200
    assert after.headers["etag"] != before


async def test_a_tag_is_of_one_key(
    api: httpx.AsyncClient, app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    tag = (await api.get("/v1/customers")).headers["etag"]

    async with client_of(app, await make_key(engine, clock, "customers:read")) as other:
        answer = await other.get("/v1/customers", headers={"if-none-match": tag})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "insert into dead_letters (origin, topic, partition, position, raw_bytes, headers, reason,"
        " errors, customer_id) values ('kafka', 'events', 0, 0, 1, '{}', 'invalid', '[]', 'acme')",
        "insert into guards (scope, since, began_at, alert_id)"
        " values ('fleet', now(), now(), 'al_1')",
        "update projections set live_at = now() where state = 'live'",
    ],
    ids=["a dead letter", "an outage", "another version"],
)
async def test_a_tag_is_out_of_date_once_what_it_stands_for_changes(
    api: httpx.AsyncClient, engine: AsyncEngine, change: str
) -> None:
    await add_customer(engine, "acme")
    before = (await api.get(CUSTOMER)).headers["etag"]
    async with engine.begin() as conn:
        await conn.execute(text(change))

    after = await api.get(CUSTOMER, headers={"if-none-match": before})

    assert after.status_code == 200
    assert after.headers["etag"] != before
