"""The routes that are answered without the framework answer what the framework's do."""

from collections.abc import AsyncIterator

import httpx
import pytest
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
from tests.api.rows import add_customer
from tests.support.clock import Clock

CUSTOMER, EXPLANATION = "/v1/customers/acme", "/v1/customers/acme/health/explanation"
SLASHED = "/v1/customers/a%2Fb%20c"
HEADERS = ("content-type", "content-language", "etag", "vary", "www-authenticate", "allow")

Request = tuple[str, str, dict[str, str]]
REQUESTS: list[Request] = [
    (method, path, headers)
    for path in (CUSTOMER, EXPLANATION, SLASHED)
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
        hot, cold = [
            await client.request(method, path, headers={**headers, "x-request-id": "same"})
            for client in both
        ]

        assert shown(hot) == shown(cold), (method, path, headers)


def shown(answer: httpx.Response) -> tuple[int, dict[str, str | None], bytes]:
    return answer.status_code, {name: answer.headers.get(name) for name in HEADERS}, answer.content


async def test_an_answer_is_the_same_with_its_tag_until_something_changes_or_ten_seconds_are_over(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await add_customer(engine, "acme")
    for path in (CUSTOMER, EXPLANATION):
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
        assert later.json()["evaluated_at"] != first.json()["evaluated_at"]
        assert later.headers["etag"] != first.headers["etag"]


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
