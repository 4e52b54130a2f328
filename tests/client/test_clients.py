"""Both clients read and act through the real API: one in this process, one over a socket."""

import asyncio
import inspect
import re
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI

from healthsvc.api.openapi import describe
from healthsvc.client import (
    AsyncClient,
    Client,
    ConflictAnswer,
    CursorExpiredAnswer,
    ForbiddenAnswer,
    InvalidAnswer,
    NotFoundAnswer,
    operations,
)
from healthsvc.client.calls import Call, ListCall
from healthsvc.flows.admin.retention import drop_old_changes
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY
from tests.api.rows import add_alert, add_customer, flag_change, record_changes
from tests.api.serve import served
from tests.support.makers import make_event

AT = datetime(2026, 3, 1, tzinfo=UTC)
ARGUMENTS = {
    "customer_id": "acme/fr",
    "alert_id": "al_1",
    "endpoint_id": "ep_1",
    "at": AT,
    "start": AT,
    "end": AT,
    "by": "owner",
    "step": "week",
    "cursor": "now",
    "wait": 1.5,
    "filters": {"types": ["alert.raised"], "mrr_from": 500, "limit": 10},
    "trials": True,
    "idle_days": 30,
    "note": "Called them.",
    "revision": 2,
    "events": [],
    "url": "https://crm.example.com/hook",
    "event_types": ["alert.raised"],
    "description": "CRM",
}
LISTS = {name: value for name, value in vars(operations).items() if isinstance(value, ListCall)}
FUNCTIONS = {
    name: value
    for name, value in inspect.getmembers(operations, inspect.isfunction)
    if value.__module__ == operations.__name__ and not name.startswith("_")
}


def client_in_process(app: FastAPI, **options: Any) -> AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return AsyncClient("http://api", ADMIN_KEY, transport=transport, **options)


async def test_a_list_is_walked_to_its_end_and_read_page_by_page(
    app: FastAPI, engine: AsyncEngine
) -> None:
    for number in range(5):
        await add_customer(engine, f"c{number}", risk=0.5 - number / 10)

    async with client_in_process(app) as client:
        walked = [row.customer_id async for row in client.customers(limit=2)]
        page = await client.customers.page(limit=2, sort="customer_id")
        after = await client.customers.page(limit=2, sort="customer_id", cursor=page.next_cursor)

    assert walked == ["c0", "c1", "c2", "c3", "c4"]
    assert [row.customer_id for row in after.items] == ["c2", "c3"]


async def test_an_id_with_a_slash_is_one_customer_and_a_missing_one_is_not_found(
    app: FastAPI,
) -> None:
    async with client_in_process(app) as client:
        with pytest.raises(NotFoundAnswer) as error:
            await client.customer("acme/fr")

    assert error.value.status == 404
    assert error.value.problem is not None
    assert error.value.problem.instance == "/v1/customers/acme%2Ffr"


async def test_what_is_wrong_with_a_request_is_in_the_error(app: FastAPI) -> None:
    async with client_in_process(app) as client:
        with pytest.raises(InvalidAnswer, match="/query/limit"):
            await client.customers.page(limit=0)


async def test_a_key_that_is_unknown_is_refused(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app=app)
    async with AsyncClient("http://api", "hsk_nobody", transport=transport) as client:
        with pytest.raises(ForbiddenAnswer):
            await client.me()


async def test_an_alert_is_taken_on_for_a_person_unless_somebody_was_faster(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await add_customer(engine, "acme")
    await add_alert(engine, "al_1")

    async with client_in_process(app, actor="Zoë Ângelo") as client:
        taken = await client.acknowledge_alert("al_1", revision=1)
        with pytest.raises(ConflictAnswer):
            await client.resolve_alert("al_1", "Called them.", revision=1)

    assert taken.acknowledged_actor is not None
    assert taken.acknowledged_actor.name == "Zoë Ângelo"


async def test_every_event_that_is_sent_has_its_result_also_where_all_are_rejected(
    app: FastAPI,
) -> None:
    async with client_in_process(app) as client:
        some = await client.send_events(
            [make_event(occurred_at="2026-01-04T09:30:00Z"), {"id": "x"}]
        )
        none = await client.send_events([{"id": "x"}])

    assert [result.status for result in some.results] == ["accepted", "rejected"]
    assert [result.status for result in none.results] == ["rejected"]


async def test_the_blocking_client_does_the_same_over_a_socket(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await add_customer(engine, "acme")
    await add_customer(engine, "b")
    await add_alert(engine, "al_1")

    def work(port: int) -> tuple[list[str], str, str, str]:
        with Client(f"http://127.0.0.1:{port}", ADMIN_KEY, language="pt-BR") as client:
            made = client.create_endpoint("https://crm.example.com/hook", ["alert.raised"])
            ids = [row.customer_id for row in client.customers(limit=1, sort="customer_id")]
            resolved = client.resolve_alert("al_1", "Falei com eles.")
            client.delete_endpoint(made.id)
            with pytest.raises(NotFoundAnswer):
                client.endpoint(made.id)
            return ids, client.me().name, resolved.state, made.secret

    async with served(app) as port:
        ids, name, state, secret = await asyncio.to_thread(work, port)

    assert ids == ["acme", "b"]
    assert (name, state) == ("admin key", "resolved")
    assert secret.startswith("whsec_")


async def test_whoever_follows_the_changes_gets_each_once_and_goes_on_where_they_were(
    app: FastAPI, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "acme")
    await record_changes(engine, flag_change(key, "acme"), flag_change(key, "acme", "usage_drop"))

    async with client_in_process(app) as client:
        first = await anext(client.follow(limit=1))
        await record_changes(engine, flag_change(key, "acme", "champion_left"))
        later = client.follow(first.next_cursor, flags=["usage_drop", "champion_left"], limit=1)
        pages = [await anext(later), await anext(later)]

    assert [change.data["flag"] for change in first.items] == ["silent"]
    assert [page.items[0].data["flag"] for page in pages] == ["usage_drop", "champion_left"]
    assert [page.items[0].sequence for page in pages] == [2, 3]


async def test_a_cursor_that_has_expired_says_where_to_go_on(
    app: FastAPI, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "acme")
    async with client_in_process(app) as client:
        start = (await client.changes("now")).next_cursor
        await record_changes(engine, *[flag_change(key, "acme") for _ in range(3)])
        await drop_old_changes(engine, timedelta(0), lambda: None)

        with pytest.raises(CursorExpiredAnswer) as error:
            await anext(client.follow(start))

        assert error.value.next_cursor is not None
        assert (await client.changes(error.value.next_cursor)).items == []


def test_both_clients_offer_every_operation() -> None:
    expected = {*FUNCTIONS, *(name.lower() for name in LISTS)}
    blocking, asynchronous = Client("http://a", "k"), AsyncClient("http://a", "k")

    for client in (blocking, asynchronous):
        offered = {name for name in vars(client) if not name.startswith("_")}
        assert offered == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_operation_is_one_of_the_api_with_its_parameters_and_answer(
    name: str, document: dict[str, Any]
) -> None:
    make = FUNCTIONS[name]
    arguments = {each: ARGUMENTS[each] for each in inspect.signature(make).parameters}
    filters = arguments.pop("filters", {})
    call: Call[Any] = make(**arguments, **filters)

    operation = operation_of(document, call)
    names = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    assert {parameter for parameter, _ in call.parameters} <= names
    assert answered_by(operation) == (None if call.answer is type(None) else call.answer.__name__)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_one_of_the_api_and_its_items_are_of_their_shape(
    name: str, document: dict[str, Any]
) -> None:
    listed = LISTS[name]

    assert answered_by(operation_of(document, listed.call({}))) == listed.page.__name__
    assert get_args(listed.page.model_fields["items"].annotation) == (listed.item,)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The API's description of itself."""
    from healthsvc.api.app import ROUTERS

    described = FastAPI(openapi_url=None)
    for router in ROUTERS:
        described.include_router(router)
    return describe(described)()


def operation_of(document: dict[str, Any], call: Call[Any]) -> dict[str, Any]:
    """The operation that answers a call."""
    paths = [
        (path, methods[call.method.lower()])
        for path, methods in document["paths"].items()
        if call.method.lower() in methods
        and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), call.path)
    ]
    assert len(paths) >= 1, call.path
    operation: dict[str, Any] = min(paths, key=lambda each: each[0].count("{"))[1]
    return operation


def answered_by(operation: dict[str, Any]) -> str | None:
    """The name of the shape of its good answer."""
    good = next(body for status, body in operation["responses"].items() if status[0] == "2")
    schema = good.get("content", {}).get("application/json", {}).get("schema")
    return None if schema is None else str(schema["$ref"]).rpartition("/")[2]
