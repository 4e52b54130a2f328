import json

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.webhooks.registry import TYPES
from tests.api.conftest import client_of, make_key
from tests.api.rows import add_alert, add_subscriber, fetch
from tests.support.clock import Clock
from tests.support.webhook_catalogue import closed


async def test_alerts_come_newest_first_and_by_filter(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number in range(5):
        await add_alert(engine, f"al_{number}", kind="silent" if number % 2 else "cancel_intent")
    await add_alert(engine, "al_5", customer_id="other", severity="info", state="resolved")

    async def found(**query: str) -> list[str]:
        return [item["id"] for item in (await api.get("/v1/alerts", params=query)).json()["items"]]

    assert await found() == ["al_5", "al_4", "al_3", "al_2", "al_1", "al_0"]
    assert await found(customer_id="acme", kind="silent") == ["al_3", "al_1"]
    assert await found(state="resolved") == ["al_5"]
    assert await found(severity="critical", kind="cancel_intent") == ["al_4", "al_2", "al_0"]


async def test_new_alerts_do_not_shift_the_pages_behind(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number in range(4):
        await add_alert(engine, f"al_{number}")
    first = (await api.get("/v1/alerts", params={"limit": 2})).json()
    await add_alert(engine, "al_new")

    second = (
        await api.get("/v1/alerts", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()
    back = (
        await api.get("/v1/alerts", params={"limit": 2, "cursor": second["prev_cursor"]})
    ).json()

    assert [item["id"] for item in second["items"]] == ["al_1", "al_0"]
    assert second["next_cursor"] is None
    assert [item["id"] for item in back["items"]] == ["al_3", "al_2"]
    assert back["prev_cursor"] is not None


async def test_acknowledging_is_kept_told_written_down_and_harmless_to_repeat(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    await add_subscriber(engine)
    await add_alert(engine, "al_1")
    key = await make_key(engine, clock, "alerts:write")

    async with client_of(app, key) as client:
        first = await client.post("/v1/alerts/al_1/acknowledge")
        clock.advance(hours=1)
        again = await client.post("/v1/alerts/al_1/acknowledge", headers={"if-match": '"1"'})

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["state"] == "acknowledged"
    assert first.json()["acknowledged_by"] == "test"
    assert first.headers["etag"] == '"2"'
    (message,) = await fetch(engine, "select type, customer_id, body from messages")
    jsonschema_rs.validator_for(closed(TYPES["alert.acknowledged"].schema())).validate(
        json.loads(message["body"])
    )
    assert (message["type"], message["customer_id"]) == ("alert.acknowledged", "acme")
    assert json.loads(message["body"])["data"]["state"] == "acknowledged"
    (row,) = await fetch(engine, "select actor, action, target from audit where target = 'al_1'")
    assert row == {"actor": "test", "action": "alert.acknowledged", "target": "al_1"}


async def test_resolving_keeps_the_note(api: httpx.AsyncClient, engine: AsyncEngine) -> None:
    await add_subscriber(engine)
    await add_alert(engine, "al_1")

    bare = await api.post("/v1/alerts/al_1/acknowledge")
    answer = await api.post(
        "/v1/alerts/al_1/resolve", json={"note": "Called them."}, headers={"if-match": '"2"'}
    )
    late = await api.post("/v1/alerts/al_1/acknowledge")
    again = await api.post("/v1/alerts/al_1/resolve")

    assert bare.status_code == 200
    assert (answer.json()["state"], answer.json()["revision"]) == ("resolved", 3)
    assert late.status_code == 409
    assert again.json() == answer.json()
    messages = await fetch(engine, "select body from messages where type = 'alert.resolved'")
    assert [json.loads(message["body"])["data"]["note"] for message in messages] == ["Called them."]
    assert await fetch(
        engine, "select detail->>'note' as note from audit where action = 'alert.resolved'"
    ) == [{"note": "Called them."}]


async def test_who_saw_another_revision_is_told(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1", revision=7)

    for said in ('"6"', "nonsense", 'W/"6"'):
        answer = await api.post("/v1/alerts/al_1/resolve", headers={"if-match": said})
        assert answer.status_code == 412
        assert answer.headers["etag"] == '"7"'
    assert await fetch(engine, "select state from alerts") == [{"state": "open"}]
    assert (await api.post("/v1/alerts/al_1/resolve", headers={"if-match": "*"})).status_code == 200


async def test_an_alert_that_is_unchanged_is_not_sent_again(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1", revision=3)

    fresh = await api.get("/v1/alerts/al_1", headers={"if-none-match": '"2"'})
    same = await api.get("/v1/alerts/al_1", headers={"if-none-match": '"2", "3"'})

    assert fresh.headers["etag"] == '"3"'
    assert fresh.json()["id"] == "al_1"
    assert (same.status_code, same.content) == (304, b"")


async def test_settling_what_is_not_there_or_with_a_strange_body_is_refused(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1")

    assert (await api.post("/v1/alerts/nothing/resolve")).status_code == 404
    assert (await api.post("/v1/alerts/al_1/resolve", json={"nope": 1})).json()["errors"] == [
        {"pointer": "/nope", "detail": "Extra inputs are not permitted"}
    ]
    assert (await api.post("/v1/alerts/al_1/resolve", json={"note": "a\0b"})).status_code == 422
    assert (await api.post("/v1/alerts/al_1/resolve", content=b"{")).status_code == 415
    broken = await api.post(
        "/v1/alerts/al_1/resolve", content=b"{", headers={"content-type": "application/json"}
    )
    assert broken.status_code == 400
    assert await fetch(engine, "select state from alerts") == [{"state": "open"}]


async def test_reading_customers_is_not_enough_to_settle(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    await add_alert(engine, "al_1")
    key = await make_key(engine, clock, "customers:read")

    async with client_of(app, key) as client:
        assert (await client.post("/v1/alerts/al_1/resolve")).status_code == 403


async def test_the_person_that_a_keys_owner_names_is_shown_as_asserted_beside_the_key(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    await add_subscriber(engine)
    await add_alert(engine, "al_1")
    key = await make_key(engine, clock, "alerts:write")
    (row,) = await fetch(engine, "select id from api_keys")
    person = {"kind": "person", "id": None, "name": "Zoë Köhler", "via_key": row["id"]}

    async with client_of(app, key) as client:
        bare = (await client.post("/v1/alerts/al_1/acknowledge")).json()
        named = (
            await client.post("/v1/alerts/al_1/resolve", headers={"x-actor": "Zoë Köhler".encode()})
        ).json()

    assert bare["acknowledged_actor"] == {
        "kind": "key",
        "id": row["id"],
        "name": "test",
        "via_key": None,
    }
    assert (named["resolved_by"], named["resolved_actor"]) == ("test", person)
    (message,) = await fetch(engine, "select body from messages where type = 'alert.resolved'")
    assert json.loads(message["body"])["data"]["actor"] == person
    written = await fetch(
        engine, "select actor, actor_detail from audit where action = 'alert.resolved'"
    )
    assert written == [{"actor": "test", "actor_detail": person}]


@pytest.mark.parametrize(
    "name", [b"", b"  ", b"x" * 201, b"\xff\xfe", "Kim\u202ePark".encode(), b"Kim\tPark"]
)
async def test_a_person_that_cannot_be_a_name_is_refused(
    api: httpx.AsyncClient, engine: AsyncEngine, name: bytes
) -> None:
    await add_alert(engine, "al_1")

    answer = await api.post("/v1/alerts/al_1/acknowledge", headers={"x-actor": name})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "X-Actor"
    assert await fetch(engine, "select state from alerts") == [{"state": "open"}]
