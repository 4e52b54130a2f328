import gzip
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY, client_of, make_key
from tests.api.rows import fetch
from tests.support.clock import Clock
from tests.support.makers import make_event

JSON = {"content-type": "application/json"}


def event(kind: str = "page.viewed", **changes: Any) -> dict[str, Any]:
    return make_event(kind, **({"occurred_at": "2026-03-01T09:30:00Z"} | changes))


async def in_log(engine: AsyncEngine) -> list[str]:
    return [
        row["event"]
        for row in await fetch(engine, "select event from log_entries order by partition, position")
    ]


async def test_one_event_is_accepted_and_durable(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    sent = event(id="e-1")

    answer = await api.post("/v1/events", json=sent)

    assert answer.status_code == 202
    body = answer.json()
    assert body["results"] == [{"index": 0, "id": "e-1", "status": "accepted", "errors": []}]
    assert body["position"].split("-")[1] == "0"
    assert [json.loads(each) for each in await in_log(engine)] == [sent]


async def test_the_bytes_of_an_event_enter_the_log_as_they_came(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    raw = json.dumps(
        event(data={"url": "https://example.com/ä", "odd": 1.50}), ensure_ascii=False, indent=1
    )

    await api.post("/v1/events", content=f"[{raw}]".encode(), headers=JSON)

    assert await in_log(engine) == [raw]


async def test_an_event_of_lone_surrogates_or_abysmal_depth_does_not_spoil_the_others(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    lone = json.dumps(event(id="lone", customer_id="\ud800"))
    deep = json.dumps(event(id="deep")).replace("{", '{"x": ' + "[" * 3000 + "]" * 3000 + ",", 1)
    good = json.dumps(event(id="good"))

    answer = await api.post(
        "/v1/events", content=f"[{lone}, {deep}, {good}]".encode(), headers=JSON
    )

    assert answer.status_code == 202
    assert [result["status"] for result in answer.json()["results"]] == [
        "rejected",
        "rejected",
        "accepted",
    ]
    assert await in_log(engine) == [good]


async def test_one_bad_event_does_not_spoil_the_others(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    good, late = event(id="good"), event(id="late")
    bad = event("survey.answered", id="bad", data={"survey": "nps", "score": 11})

    answer = await api.post("/v1/events", json=[good, bad, 7, None, late])

    results = answer.json()["results"]
    assert answer.status_code == 202
    assert [(r["index"], r["id"], r["status"]) for r in results] == [
        (0, "good", "accepted"),
        (1, "bad", "rejected"),
        (2, None, "rejected"),
        (3, None, "rejected"),
        (4, "late", "accepted"),
    ]
    assert results[1]["errors"][0]["pointer"] == "/data/score"
    assert len(await in_log(engine)) == 2


async def test_an_event_that_is_in_the_request_twice_is_a_duplicate(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    sent = [
        event(id="same"),
        event(id="same"),
        event(id="same", source="elsewhere"),
        event(id="same", customer_id="b"),
    ]

    answer = await api.post("/v1/events", json=sent)

    assert [r["status"] for r in answer.json()["results"]] == [
        "accepted",
        "duplicate",
        "accepted",
        "accepted",
    ]
    assert len(await in_log(engine)) == 3


async def test_bodies_of_another_shape_are_refused(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for body, status in (
        (b"", 400),
        (b"{", 400),
        (b"[1,]", 400),
        (b"nonsense", 400),
        (b"[" * 100_000, 400),
        (b"7", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b"[]", 422),
        (json.dumps([event()] * 1001).encode(), 413),
        (b" " * (4 * 1024 * 1024 + 1), 413),
    ):
        answer = await api.post("/v1/events", content=body, headers=JSON)

        assert answer.status_code == status, (body[:20], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert await in_log(engine) == []


async def test_a_body_without_a_declared_length_is_cut_off_at_the_limit(
    api: httpx.AsyncClient,
) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 64 * 1024 * 1024:
            sent += 65_536
            yield b" " * 65_536

    answer = await api.post("/v1/events", content=endless(), headers=JSON)

    assert answer.status_code == 413


async def test_other_content_types_are_refused(api: httpx.AsyncClient) -> None:
    for headers in (
        {"content-type": "text/plain"},
        {"content-type": "application/x-ndjson"},
        {},
        JSON | {"content-encoding": "compress"},
    ):
        answer = await api.post("/v1/events", content=b"{}", headers=headers)

        assert answer.status_code == 415, headers
        assert answer.json()["type"] == "/problems/unsupported-media-type"


CLOUDEVENT = {
    "specversion": "1.0",
    "id": "c-1",
    "source": "crm",
    "type": "page.viewed",
    "subject": "acme",
    "time": "2026-03-01T09:30:00Z",
    "data": {"url": "https://example.com/pricing"},
}


async def test_cloudevents_come_structured_and_in_batches(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    one = await api.post(
        "/v1/events",
        json=CLOUDEVENT,
        headers={"content-type": "application/cloudevents+json; charset=utf-8"},
    )
    several = await api.post(
        "/v1/events",
        json=[
            CLOUDEVENT | {"id": "c-2"},
            {key: value for key, value in CLOUDEVENT.items() if key != "time"},
        ],
        headers={"content-type": "application/cloudevents-batch+json"},
    )

    assert [r["status"] for r in one.json()["results"]] == ["accepted"]
    assert [r["status"] for r in several.json()["results"]] == ["accepted", "rejected"]
    assert several.json()["results"][1]["errors"][0]["pointer"] == "/time"
    assert [json.loads(each)["customer_id"] for each in await in_log(engine)] == ["acme", "acme"]


async def test_a_batch_of_cloudevents_is_an_array(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/v1/events",
        json=CLOUDEVENT,
        headers={"content-type": "application/cloudevents-batch+json"},
    )

    assert answer.status_code == 422


async def test_a_cloudevent_in_binary_mode_is_made_of_headers_and_body(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    headers = {f"ce-{name}": str(value) for name, value in CLOUDEVENT.items() if name != "data"}

    good = await api.post("/v1/events", json=CLOUDEVENT["data"], headers=headers)
    bad = await api.post("/v1/events", json=CLOUDEVENT["data"], headers=headers | {"ce-id": ""})

    assert good.json()["results"] == [{"index": 0, "id": "c-1", "status": "accepted", "errors": []}]
    assert bad.json()["results"][0]["errors"][0]["pointer"] == "/id"
    assert json.loads((await in_log(engine))[0])["source"] == "crm"


async def test_who_prefers_to_wait_is_told_that_the_event_counts(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    async with engine.begin() as conn:
        await conn.exec_driver_sql("update partitions set table_offset = 1")

    answer = await api.post(
        "/v1/events", json=event(), headers={"prefer": "respond-async, wait=20"}
    )

    assert answer.headers["preference-applied"] == "wait=20"


async def test_a_wait_that_was_too_short_is_not_claimed(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/events", json=event(), headers={"prefer": "wait=0"})

    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


async def test_without_the_scope_nothing_is_written(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "customers:read", "alerts:write")

    async with client_of(app, key) as client:
        answer = await client.post("/v1/events", json=event())

    assert answer.status_code == 403
    assert "`events:write`" in answer.json()["detail"]
    assert await in_log(engine) == []


async def test_while_the_database_is_away_events_are_not_acknowledged(offline_app: FastAPI) -> None:
    async with client_of(offline_app, ADMIN_KEY) as client:
        answer = await client.post("/v1/events", json=event())

    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/unavailable"
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("count", [1, 3])
async def test_where_every_event_is_rejected_the_answer_says_so_by_its_status(
    api: httpx.AsyncClient, engine: AsyncEngine, count: int
) -> None:
    sent = [event(id=f"e-{i}", occurred_at="yesterday") for i in range(count)]

    answer = await api.post("/v1/events", json=sent if count > 1 else sent[0])

    assert (answer.status_code, answer.headers["rejected-count"]) == (422, str(count))
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "/problems/events-rejected"
    assert [result["status"] for result in problem["results"]] == ["rejected"] * count
    assert problem["results"][0]["errors"][0]["pointer"] == "/occurred_at"
    assert problem["position"] is None
    assert await in_log(engine) == []


async def test_a_lenient_sender_gets_the_same_results_as_accepted(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/v1/events",
        json=event(occurred_at="yesterday"),
        headers={"prefer": "respond-async, Handling=lenient"},
    )

    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "handling=lenient"
    assert [result["status"] for result in answer.json()["results"]] == ["rejected"]


async def test_how_many_were_rejected_of_several_stands_in_a_header(
    api: httpx.AsyncClient,
) -> None:
    some = await api.post("/v1/events", json=[event(id="a"), event(kind="?", id="b")])
    none = await api.post("/v1/events", json=[event(id="c")])

    assert (some.status_code, some.headers["rejected-count"]) == (202, "1")
    assert "rejected-count" not in none.headers


async def test_a_compressed_body_is_read(api: httpx.AsyncClient, engine: AsyncEngine) -> None:
    sent = event(id="packed")
    body = gzip.compress(json.dumps([sent]).encode())

    answer = await api.post("/v1/events", content=body, headers=JSON | {"content-encoding": "gzip"})

    assert answer.status_code == 202
    assert [json.loads(each) for each in await in_log(engine)] == [sent]


@pytest.mark.parametrize(
    ("body", "coding", "status", "problem"),
    [
        (b"[]", "gzip", 400, "malformed-body"),
        (gzip.compress(b" " * (5 << 20)), "gzip", 413, "too-large"),
        (b"[]", "compress", 415, "unsupported-media-type"),
    ],
)
async def test_a_body_that_cannot_be_decompressed_is_a_problem(
    api: httpx.AsyncClient, body: bytes, coding: str, status: int, problem: str
) -> None:
    answer = await api.post("/v1/events", content=body, headers=JSON | {"content-encoding": coding})

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}")
    if status == 415:
        assert answer.headers["accept-encoding"] == "gzip, br, zstd"
