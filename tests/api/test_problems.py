import re
from itertools import product
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from healthsvc.api import problem_types
from healthsvc.api.app import routes
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.cursors import Cursor, binding, encode
from tests.api.conftest import ADMIN_KEY, client_of
from tests.api.rows import add_customer

OPEN = {
    "/",
    "/livez",
    "/readyz",
    "/startupz",
    "/docs",
    "/openapi.json",
    "/problems",
    "/problems/{slug}",
}
SIGNED = "call_source"
"""Its calls are signed by their senders, or bear a key, as their source says."""
ROUTES = [pytest.param(route, id=f"{min(route.methods)} {route.path}") for route in routes()]
CLOSED = [
    pytest.param(route, id=f"{min(route.methods)} {route.path}")
    for route in routes()
    if route.path not in OPEN and route.operation_id != SIGNED
]


def path_of(route: APIRoute) -> str:
    return route.path_format.format(
        customer_id="acme",
        alert_id="al_1",
        endpoint_id="ep_1",
        delivery_id="7",
        letter_id="7",
        key_id="key_1",
        run_id="1",
        version="1",
        slug="not-found",
        name="stripe",
        namespace="stripe",
        external_id="cus_1",
    )


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["type"].removeprefix("/problems/") in problem_types.BY_SLUG
    assert body["request_id"] == answer.headers["x-request-id"]


async def test_head_is_answered_wherever_get_is(offline_app: FastAPI) -> None:
    async with client_of(offline_app, None) as stranger:
        alive, wrong = await stranger.head("/livez"), await stranger.head("/v1/events")
        told = await stranger.put("/livez")

    assert alive.status_code == 200
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert told.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("route", CLOSED)
async def test_no_route_but_the_probes_and_pages_is_open(
    offline_app: FastAPI, route: APIRoute
) -> None:
    async with client_of(offline_app, None) as stranger:
        assert_problem(await stranger.request(min(route.methods), path_of(route)), 401)
    async with client_of(offline_app, "hsk_wrong") as intruder:
        assert_problem(await intruder.request(min(route.methods), path_of(route)), 401)


@pytest.mark.parametrize("route", ROUTES)
async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(
    offline_app: FastAPI, route: APIRoute
) -> None:
    async with client_of(offline_app, ADMIN_KEY) as client:
        answer = await client.request("PROPFIND", path_of(route))

    assert_problem(answer, 405)
    assert min(route.methods) in answer.headers["allow"]


STRANGE_NAMES = [
    "a%00b",
    "x" * 3000,
    "%25",
    "%C3%A9",
    "%FF",
    "9" * 30,
    "-1",
    "%27%20or%201=1",
    "a%2Fb",
    "%ED%A0%80",
]


WITH_BODY = ("replay", "override", "assign", "snooze", "comment")
"""What the paths end in whose requests must have a body."""


async def test_a_strange_name_in_a_path_is_never_our_mistake(api: httpx.AsyncClient) -> None:
    for route, name in product(
        [route for route in routes() if "{" in route.path and route.path not in OPEN], STRANGE_NAMES
    ):
        path = re.sub(r"\{\w+\}", name, route.path_format)

        answer = await api.request(
            min(route.methods),
            path,
            json={} if path.endswith(WITH_BODY) or route.methods & {"PUT", "PATCH"} else None,
        )

        assert answer.status_code in (404, 405, 422), path
        assert_problem(answer, answer.status_code)


LISTS = [
    "/v1/customers",
    "/v1/alerts",
    "/v1/keys",
    "/v1/webhooks/endpoints",
    "/v1/dead-letters",
    "/v1/scorecards",
]
STRANGE_QUERIES = [
    "limit=0",
    "limit=251",
    "limit=x",
    "limit=99999999999999999999",
    "nonsense=1",
    "cursor=x",
    "cursor=WzFd",
    "cursor=%00",
    "cursor=" + "A" * 3000,
]


async def test_a_strange_query_is_refused_with_a_pointer(api: httpx.AsyncClient) -> None:
    for path, query in product(LISTS, STRANGE_QUERIES):
        answer = await api.get(f"{path}?{query}")

        assert_problem(answer, 422)
        assert answer.json()["errors"][0]["pointer"] == f"/query/{query.split('=')[0]}"


LARGEST = 2**63 - 1
NO_FILTER = {"band": None, "flag": None, "owner": None, "segment": None, "tier": None}
FORGED = [
    (
        "/v1/customers",
        binding("customers", NO_FILTER | {"sort": "risk"}),
        [(1e308, LARGEST), (None, -LARGEST), (-0.0, 0)],
    ),
    (
        "/v1/customers?sort=name",
        binding("customers", NO_FILTER | {"sort": "name"}),
        [("\uffff", LARGEST), (None, None)],
    ),
    ("/v1/alerts", binding("alerts", {"operations": False}), [(LARGEST,), (-LARGEST,), (None,)]),
    ("/v1/keys", binding("keys", {}), [(LARGEST, "x"), (-LARGEST, "")]),
    ("/v1/webhooks/endpoints", binding("endpoints", {}), [(LARGEST, "x")]),
    ("/v1/dead-letters", binding("dead_letters", {}), [(LARGEST,)]),
    (
        "/v1/customers/acme/health/history",
        binding("history", {"customer_id": "acme"}),
        [(LARGEST, LARGEST), (-LARGEST, -LARGEST)],
    ),
    (
        "/v1/customers/acme/events",
        binding("timeline", {"customer_id": "acme"}),
        [(LARGEST, LARGEST)],
    ),
]


async def test_a_forged_cursor_begins_elsewhere_at_worst(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_customer(engine, "acme")
    for path, bound_to, keys in FORGED:
        for key in keys:
            cursor = encode(Cursor(keys=key), bound_to)
            answer = await api.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "path", ["/v1/customers?flag=a%00b", "/v1/customers?owner=%00", "/v1/alerts?customer_id=%00"]
)
async def test_u0000_in_a_filter_is_refused(offline_app: FastAPI, path: str) -> None:
    async with client_of(offline_app, ADMIN_KEY) as client:
        assert_problem(await client.get(path), 422)


@pytest.mark.parametrize("path", ["/v1", "/v2/customers", "/v1/nothing", "/problems/nothing"])
async def test_an_unknown_path_is_a_problem(offline_app: FastAPI, path: str) -> None:
    async with client_of(offline_app, ADMIN_KEY) as client:
        assert_problem(await client.get(path), 404)


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/alerts/al_1", "/v1/keys"])
async def test_while_the_database_is_away_the_answer_is_503_with_a_time(
    offline_app: FastAPI, path: str
) -> None:
    async with client_of(offline_app, ADMIN_KEY) as client:
        answer = await client.get(path)

    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


async def test_an_exception_tells_nothing_of_the_inside(offline_app: FastAPI) -> None:
    @offline_app.get("/boom")
    async def boom() -> None:
        raise RuntimeError("the secret is 42")

    async with client_of(offline_app, ADMIN_KEY) as client:
        answer = await client.get("/boom", headers={"x-request-id": "my-own-id"})

    assert_problem(answer, 500)
    assert "42" not in answer.text
    assert answer.json()["request_id"] == "my-own-id"


async def test_a_request_id_that_could_break_a_log_is_replaced(offline_app: FastAPI) -> None:
    async with client_of(offline_app, None) as client:
        answer = await client.get("/livez", headers={"x-request-id": "a b\tc"})

    assert len(answer.headers["x-request-id"]) == 32


async def test_each_problem_type_leads_to_its_explanation(offline_app: FastAPI) -> None:
    async with client_of(offline_app, None) as stranger:
        for kind in problem_types.TYPES:
            answer = await stranger.get(kind.uri)

            assert answer.status_code == 200
            assert kind.meaning in answer.text


def test_the_documentation_has_all_problem_types() -> None:
    page = Path(__file__).parents[2] / "docs" / "problems.md"

    assert page.read_text() == problem_types.reference()
