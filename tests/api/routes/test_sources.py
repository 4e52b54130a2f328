import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY, client_of, make_key
from tests.api.rows import fetch
from tests.support.clock import Clock

PATH = "/v1/sources"
SECRET = "whsec_1"


def stripe_event(clock: Clock, event_id: str = "evt_1", **fields: Any) -> bytes:
    about = {"id": "in_1", "customer": "cus_1", "currency": "brl", "amount_paid": 49900}
    return json.dumps(
        {
            "id": event_id,
            "created": clock.us // 1_000_000 - 60,
            "type": "invoice.paid",
            "data": {"object": about | fields},
        }
    ).encode()


def signed(clock: Clock, body: bytes, secret: str = SECRET) -> dict[str, str]:
    stamp = str(clock.us // 1_000_000)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={stamp},v1={digest}"}


async def log_of(engine: AsyncEngine) -> list[dict[str, Any]]:
    rows = await fetch(engine, "select event from log_entries order by logged_at, position")
    return [json.loads(row["event"]) for row in rows]


@pytest.fixture
async def live(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The API with Stripe connected."""
    answer = await api.put(f"{PATH}/stripe", json={"mode": "live", "secrets": [SECRET]})
    assert answer.status_code == 200
    return api


async def test_an_event_waits_for_the_link_of_its_customer_and_enters_with_it_once(
    live: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    body = stripe_event(clock)

    call = await stranger.post(f"{PATH}/stripe", content=body, headers=signed(clock, body))
    waiting = (await live.get("/v1/links/waiting")).json()
    link = await live.put("/v1/links/stripe/cus_1", json={"customer_id": "acme"})
    again = await live.put("/v1/links/stripe/cus_1", json={"customer_id": "acme"})

    assert call.json()["waiting"] == 1
    assert [(item["name"], item["events"]) for item in waiting["items"]] == [("stripe:cus_1", 1)]
    assert (link.json()["is_new"], link.json()["released"]) == (True, 1)
    assert (again.json()["is_new"], again.json()["released"]) == (False, 0)
    events = await log_of(engine)
    assert [event["type"] for event in events] == ["customer.linked", "invoice.paid"]
    assert {event["customer_id"] for event in events} == {"acme"}
    assert events[1]["data"] == {"invoice_id": "in_1", "amount": 499.0, "currency": "BRL"}


async def test_an_event_behind_its_link_enters_at_once(
    live: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await live.put("/v1/links/stripe/cus_1", json={"customer_id": "acme"})
    body = stripe_event(clock)

    call = await stranger.post(f"{PATH}/stripe", content=body, headers=signed(clock, body))

    assert call.json()["accepted"] == 1
    assert len(await log_of(engine)) == 2


async def test_a_source_is_in_trial_until_it_is_live_and_counts_nothing(
    api: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await api.put(f"{PATH}/stripe", json={"secrets": [SECRET]})
    body = stripe_event(clock, metadata={"customer_id": "acme"})

    call = await stranger.post(f"{PATH}/stripe", content=body, headers=signed(clock, body))
    [listed] = (await api.get(f"{PATH}/stripe/calls")).json()["items"]

    assert call.json()["trial"] is True
    assert listed["outcome"] == "trial"
    assert listed["items"][0]["events"][0]["customer_id"] == "acme"
    assert await log_of(engine) == []


async def test_a_forged_and_a_replayed_call_are_refused(
    live: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    body = stripe_event(clock, metadata={"customer_id": "acme"})
    headers = signed(clock, body)

    forged = await stranger.post(
        f"{PATH}/stripe", content=body, headers=signed(clock, body, "whsec_2")
    )
    clock.advance(minutes=6)
    replayed = await stranger.post(f"{PATH}/stripe", content=body, headers=headers)

    assert [forged.status_code, replayed.status_code] == [401, 401]
    assert forged.json()["type"] == "/problems/signature-invalid"
    assert "replay" in replayed.json()["detail"]
    assert await log_of(engine) == []


async def test_a_call_that_the_mapping_refused_is_tried_again_after_it_was_changed(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    mapping = (
        "{source: 1, name: shop, title: Shop, authentication: key, id: ident, occurred_at: at,"
        " customer: {customer_id: account},"
        " rules: [{when: kind == 'login', events: [{type: session.started}]}]}"
    )
    item = {"id": "s-1", "kind": "login", "account": "acme", "at": "2026-03-01T09:00:00Z"}
    await api.put(f"{PATH}/shop", json={"mapping": mapping, "mode": "live"})

    refused = await api.post(f"{PATH}/shop", json=item)
    await api.put(f"{PATH}/shop", json={"mapping": mapping.replace("id: ident", "id: id")})
    retried = await api.post(f"{PATH}/shop/calls/retry")
    later = await api.post(f"{PATH}/shop/calls/retry")

    assert refused.json()["items"][0]["errors"][0]["pointer"] == "/id"
    assert (retried.json()["calls"], retried.json()["accepted"]) == (1, 1)
    assert later.json()["calls"] == 0
    assert [event["id"] for event in await log_of(engine)] == ["s-1"]


async def test_a_mapping_with_a_fault_is_refused_and_names_it(api: httpx.AsyncClient) -> None:
    answer = await api.put(f"{PATH}/shop", json={"mapping": "source: 1\nname: other\n"})

    assert answer.status_code == 422
    assert "title" in answer.json()["errors"][0]["detail"]
    assert (await api.get(f"{PATH}/shop")).status_code == 404


async def test_a_body_that_is_no_json_is_refused_and_listed(
    live: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: Clock
) -> None:
    answer = await stranger.post(
        f"{PATH}/stripe", content=b"nonsense", headers=signed(clock, b"nonsense")
    )

    assert answer.status_code == 400
    [call] = (await live.get(f"{PATH}/stripe/calls")).json()["items"]
    assert call["outcome"] == "malformed"


async def test_the_list_says_how_each_source_is_set_and_what_its_calls_came_to(
    live: httpx.AsyncClient, stranger: httpx.AsyncClient, clock: Clock
) -> None:
    body = stripe_event(clock)
    await stranger.post(f"{PATH}/stripe", content=body, headers=signed(clock, body))

    listed = (await live.get(PATH)).json()

    items = {item["name"]: item for item in listed["items"]}
    assert listed["waiting_events"] == 1
    assert (items["stripe"]["mode"], items["stripe"]["waiting"]) == ("live", 1)
    assert (items["hubspot"]["mode"], items["hubspot"]["has_secret"]) == ("trial", False)
    assert items["segment"]["mode"] == "live"
    assert SECRET not in json.dumps((await live.get(f"{PATH}/stripe")).json())


async def test_a_consumers_domain_links_nobody_and_a_link_can_be_ended(
    api: httpx.AsyncClient,
) -> None:
    refused = await api.put("/v1/links/email_domain/gmail.com", json={"customer_id": "acme"})
    await api.put("/v1/links/email_domain/acme.test", json={"customer_id": "acme"})
    listed = (await api.get("/v1/links", params={"customer_id": "acme"})).json()["items"]
    ended = await api.delete("/v1/links/email_domain/acme.test")
    again = await api.delete("/v1/links/email_domain/acme.test")

    assert refused.status_code == 422
    assert [link["external_id"] for link in listed] == ["acme.test"]
    assert (ended.status_code, again.status_code) == (204, 404)


async def test_a_key_without_the_scope_to_write_events_opens_no_source(
    app: Any, engine: AsyncEngine, clock: Clock
) -> None:
    reader = await make_key(engine, clock, "customers:read")

    async with client_of(app, reader) as client:
        answer = await client.post("/v1/batch", json={"batch": []})

    assert answer.status_code == 403
    assert answer.json()["code"] == "scope-missing"
    assert ADMIN_KEY not in answer.text
