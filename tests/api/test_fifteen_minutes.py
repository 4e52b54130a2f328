"""From an empty service to explained scores, by the steps of docs/sources.md, with recorded calls of
Stripe, HubSpot, Zendesk and a Segment SDK."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY, Switch, UrlChecker, client_of, make_app
from tests.flows.spine import installed, processing, scalar, wall
from tests.support.waiting import until

SECRET = "a-secret"
LIMIT_SECONDS = 15 * 60


def mac(signed: bytes) -> bytes:
    return hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()


def b64(signed: bytes) -> str:
    return base64.b64encode(mac(signed)).decode()


async def send(client: httpx.AsyncClient, name: str, call: Any) -> dict[str, Any]:
    """A call as its vendor signs it."""
    body, path = json.dumps(call).encode(), f"/v1/sources/{name}"
    seconds = str(int(time.time()))
    stamp = wall().isoformat()
    headers = {
        "stripe": {
            "stripe-signature": f"t={seconds},v1={mac(f'{seconds}.'.encode() + body).hex()}"
        },
        "hubspot": {
            "x-hubspot-request-timestamp": f"{seconds}000",
            "x-hubspot-signature-v3": b64(
                f"POSThttp://api{path}".encode() + body + f"{seconds}000".encode()
            ),
        },
        "zendesk": {
            "x-zendesk-webhook-signature-timestamp": stamp,
            "x-zendesk-webhook-signature": b64(stamp.encode() + body),
        },
    }[name]
    answer = await client.post(path, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    assert report["rejected"] == 0, report
    return report


def stripe(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    about = {"id": "in_1", "customer": "cus_1", "currency": "brl"} | fields
    created = int(time.time()) - 3600
    return {"id": f"evt_{number}", "created": created, "type": kind, "data": {"object": about}}


def hubspot(name: str, value: str) -> dict[str, Any]:
    return {
        "subscriptionType": "company.propertyChange",
        "portalId": 3,
        "objectId": 501,
        "occurredAt": int(time.time() * 1000) - 60_000,
        "propertyName": name,
        "propertyValue": value,
    }


def zendesk(kind: str, about: str = "77", **event: str) -> dict[str, Any]:
    return {
        "id": f"z-{kind}",
        "type": f"zen:event-type:{kind}",
        "time": (wall() - timedelta(hours=1)).isoformat(),
        "detail": {"id": about, "organization_id": "9", "subject": "Export fails"},
        "event": event,
    }


async def connect(client: httpx.AsyncClient) -> None:
    for name in ("stripe", "hubspot", "zendesk"):
        settings = {"mode": "live", "secrets": [SECRET]}
        assert (await client.put(f"/v1/sources/{name}", json=settings)).status_code == 200


async def feed(client: httpx.AsyncClient) -> None:
    """The recorded calls, duplicates included."""
    await send(client, "zendesk", zendesk("ticket.created"))
    for _ in range(3):
        await send(client, "stripe", stripe(1, "invoice.payment_failed", amount_due=49900))
    await send(client, "zendesk", zendesk("organization.external_id_changed", "9", current="acme"))
    calls = [hubspot("healthsvc_customer_id", "acme"), hubspot("name", "Acme")]
    await send(client, "hubspot", calls)
    await client.put("/v1/links/stripe/cus_1", json={"customer_id": "acme"})
    at = [(wall() - timedelta(hours=hours)).isoformat() for hours in range(1, 21)]
    tracks = [
        {"type": "track", "event": "report", "messageId": f"m-{n}", "userId": "u1", "timestamp": t}
        for n, t in enumerate(at)
    ]
    group = {"type": "group", "messageId": "g-1", "userId": "u1", "groupId": "acme"}
    answer = await client.post("/v1/batch", json={"batch": [group, *tracks]})
    assert answer.json()["rejected"] == 0


async def all_counted(engine: AsyncEngine) -> bool:
    """Whether all of the log is counted."""
    behind = (
        "select count(*) from log_heads join partitions using (partition) where table_offset < head"
    )
    return bool(await scalar(engine, behind) == 0)


async def test_an_empty_service_explains_a_score_within_fifteen_minutes(
    engine: AsyncEngine, database_url: str
) -> None:
    started = time.monotonic()
    appender = await installed(engine)
    app: FastAPI = make_app(engine, appender, wall, UrlChecker(), Switch())
    async with client_of(app, ADMIN_KEY) as client, processing(engine, database_url, wall):
        await connect(client)
        await feed(client)
        await until(lambda: all_counted(engine))

        customer = (await client.get("/v1/customers/acme")).json()
        why = (await client.get("/v1/customers/acme/health/explanation")).json()

        assert customer["profile"]["name"] == "Acme"
        assert customer["score"] is not None
        evidence = [event for part in why["contributions"] for event in part["events"]]
        assert {event["source"] for event in evidence} >= {"segment", "zendesk"}
        paid_late = "select count(*) from archive where event like '%evt_1%'"
        assert await scalar(engine, paid_late) == 1
        waiting = (await client.get("/v1/links/waiting")).json()
        assert waiting["waiting_events"] == 0
    await appender.close()
    assert time.monotonic() - started < LIMIT_SECONDS
