"""The SDKs of Segment, RudderStack and PostHog, unmodified, with only their host changed."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import posthog
import pytest
from fastapi import FastAPI
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY
from tests.api.rows import fetch
from tests.api.serve import served
from tests.support.clock import Clock

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
MESSAGE = {
    "type": "track",
    "event": "report viewed",
    "messageId": "m-1",
    "userId": "u1",
    "timestamp": "2026-03-01T09:00:00Z",
    "context": {"groupId": "g1"},
}


async def log_of(engine: AsyncEngine) -> list[dict[str, Any]]:
    rows = await fetch(engine, "select event from log_entries order by logged_at, position")
    return [json.loads(row["event"]) for row in rows]


@pytest.fixture
async def host(app: FastAPI) -> AsyncIterator[str]:
    """Where the API is served on a real socket."""
    async with served(app) as port:
        yield f"http://127.0.0.1:{port}"


def with_segment(host: str) -> list[Any]:
    failures: list[Any] = []
    client = SegmentClient(
        ADMIN_KEY, host=host, gzip=True, on_error=lambda error, _: failures.append(error)
    )
    client.group("u1", "g1", {"name": "Acme"}, timestamp=AT)
    client.track("u1", "report viewed", timestamp=AT, message_id="m-1")
    client.page("u1", name="Pricing", properties={"url": "https://a.test/pricing"}, timestamp=AT)
    client.shutdown()
    return failures


def with_rudder(host: str) -> list[Any]:
    failures: list[Any] = []
    client = RudderClient(
        ADMIN_KEY, host=host, on_error=lambda error, _: failures.append(error), max_retries=1
    )
    client.group("u1", "g1", {"name": "Acme"}, timestamp=AT)
    client.track("u1", "report viewed", timestamp=AT, message_id="m-1")
    client.page("u1", name="Pricing", properties={"url": "https://a.test/pricing"}, timestamp=AT)
    client.flush()
    client.join()
    return failures


def with_posthog(host: str) -> list[Any]:
    failures: list[Any] = []
    client = posthog.Posthog(
        ADMIN_KEY, host=host, on_error=lambda error, _: failures.append(error), max_retries=1
    )
    groups = {"company": "g1"}
    client.group_identify("company", "g1", {"name": "Acme"}, timestamp=AT)
    client.capture("report viewed", distinct_id="u1", groups=groups, timestamp=AT)
    page = {"$current_url": "https://a.test/pricing"}
    client.capture("$pageview", distinct_id="u1", groups=groups, properties=page, timestamp=AT)
    client.shutdown()
    return failures


@pytest.mark.parametrize(
    "send", [with_segment, with_rudder, with_posthog], ids=["segment", "rudder", "posthog"]
)
async def test_what_an_unmodified_sdk_sends_is_in_the_log(
    send: Any, host: str, engine: AsyncEngine
) -> None:
    failures = await asyncio.to_thread(send, host)

    assert failures == []
    events = await log_of(engine)
    kinds = sorted(event["type"] for event in events if event["type"] != "customer.linked")
    assert kinds == ["customer.updated", "feature.used", "page.viewed"]
    assert {event["customer_id"] for event in events} == {"g1"}


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t"])
async def test_a_single_message_needs_no_type_and_may_be_text_with_its_key_in_the_body(
    path: str, stranger: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    body = {name: value for name, value in MESSAGE.items() if name != "type"}

    answer = await stranger.post(
        path,
        content=json.dumps(body | {"writeKey": ADMIN_KEY}),
        headers={"content-type": "text/plain"},
    )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    [event] = await log_of(engine)
    assert (event["type"], event["customer_id"]) == ("feature.used", "g1")


async def test_a_body_is_read_by_what_it_is_and_not_by_its_label(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    body = gzip.compress(json.dumps({"batch": [MESSAGE]}).encode())

    answer = await api.post(
        "/v1/batch",
        content=body,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    assert answer.json()["accepted"] == 1
    assert len(await log_of(engine)) == 1


async def test_a_batch_with_bad_items_is_answered_200_and_says_which(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    answer = await api.post("/v1/batch", json={"batch": [MESSAGE, {"type": "track"}, 7, MESSAGE]})

    assert answer.status_code == 200
    assert answer.json() | {"items": None} == {
        "success": True,
        "status": 1,
        "trial": False,
        "accepted": 2,
        "waiting": 0,
        "ignored": 2,
        "rejected": 0,
        "items": None,
    }
    assert [item["index"] for item in answer.json()["items"]] == [1, 2]
    assert {event["id"] for event in await log_of(engine)} == {"m-1"}


async def test_a_user_whom_a_group_call_named_is_known_before_and_after_it(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    lone = {name: value for name, value in MESSAGE.items() if name != "context"}
    group = {"type": "group", "userId": "u1", "groupId": "g1", "messageId": "m-2"}

    before = await api.post("/v1/batch", json={"batch": [lone]})
    await api.post("/v1/group", json=group)
    after = await api.post("/v1/track", json=lone | {"messageId": "m-3"})

    assert (before.json()["waiting"], after.json()["accepted"]) == (1, 1)
    used = [event for event in await log_of(engine) if event["type"] == "feature.used"]
    assert [(event["id"], event["customer_id"]) for event in used] == [("m-1", "g1"), ("m-3", "g1")]
    assert used[0]["occurred_at"] == MESSAGE["timestamp"]


async def test_an_error_carries_what_sdks_look_for(stranger: httpx.AsyncClient) -> None:
    unknown = await stranger.post("/v1/batch", json={"writeKey": "nobody", "batch": [MESSAGE]})
    unreadable = await stranger.post(
        "/v1/batch", content=b"{", headers={"authorization": f"Bearer {ADMIN_KEY}"}
    )

    assert (unknown.status_code, unknown.json()["code"]) == (401, "key-invalid")
    assert (unreadable.status_code, unreadable.json()["code"]) == (400, "malformed-json")
    assert unreadable.json()["message"]


async def test_a_browser_may_send(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.options(
        "/v1/t", headers={"origin": "https://a.test", "access-control-request-method": "POST"}
    )

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
