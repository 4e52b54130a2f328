"""Scorecard versions as resources: kept, looked through, published; what is live and what isn't
fed."""

import asyncio
from typing import Any

import httpx
import yaml
from fastapi import FastAPI

from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.projections import supervisor
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.scorecards.document import default_document
from tests.api.conftest import client_of, make_key
from tests.support.clock import Clock


def card(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load(default_document()), "name": "ours", **changes}


async def test_a_draft_is_kept_and_read_back_and_the_same_document_is_the_same_version(
    api: httpx.AsyncClient,
) -> None:
    made = await api.post("/v1/scorecards", json={"document": card()})
    again = await api.post("/v1/scorecards", json={"document": card()})
    read = await api.get("/v1/scorecards/2")

    assert made.status_code == 201
    assert made.headers["location"] == "/v1/scorecards/2"
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert read.json()["document"] == card()
    assert read.json()["state"] == "draft"
    assert [v["state"] for v in (await api.get("/v1/scorecards")).json()["items"]] == [
        "draft",
        "live",
    ]
    page = (await api.get("/v1/scorecards?limit=1")).json()
    rest = (await api.get(f"/v1/scorecards?limit=1&cursor={page['next_cursor']}")).json()
    assert [v["version"] for v in page["items"] + rest["items"]] == [2, 1]


async def test_what_is_wrong_is_told_by_pointer_with_the_nearest_name(
    api: httpx.AsyncClient,
) -> None:
    document = card()
    document["measures"][0]["judge"]["kind"] = "habits"
    document["flags"][0]["measure"] = "cancel_view"
    for path in ("/v1/scorecards", "/v1/scorecards/validate"):
        answer = await api.post(path, json={"document": document})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert {e["pointer"]: "did you mean" in e["detail"] for e in answer.json()["errors"]} == {
            "/document/measures/0/judge/kind": True,
            "/document/flags/0/measure": True,
        }
    assert len((await api.get("/v1/scorecards")).json()["items"]) == 1


async def test_a_yaml_text_is_as_good_as_an_object_and_slips_are_doubted(
    api: httpx.AsyncClient,
) -> None:
    text = default_document().replace(
        "feeds: [{type: feature.used}]", "feeds: [{type: feature.usd}]"
    )
    answer = await api.post("/v1/scorecards/validate", json={"document": text})

    assert answer.status_code == 200
    assert "'feature.used'" in answer.json()["doubts"][0]["detail"]


async def test_publishing_is_followed_to_its_end_and_refused_where_it_makes_no_sense(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await api.post("/v1/scorecards", json={"document": card()})
    assert (await api.post("/v1/scorecards/9/publish")).status_code == 404
    assert (await api.post("/v1/scorecards/1/publish")).status_code == 409
    asked = await api.post("/v1/scorecards/2/publish", json={"with_gaps": False})
    assert asked.status_code == 202
    assert asked.json()["state"] == "building"
    assert (await api.post("/v1/scorecards/rebuild")).status_code == 409
    assert (await api.get("/v1/scorecards/status")).json()["building"]["version"] == 2

    await supervisor.build_what_is_asked(
        engine,
        worker_id="b",
        limits=MemoryLimits(least_customers=100, state_bytes=1),
        now=clock,
        stop=asyncio.Event(),
    )

    status = (await api.get("/v1/scorecards/status")).json()
    assert (status["live_version"], status["building"]) == (2, None)
    assert status["publications"][0]["positions"]["0"] == {"applied": 0, "table": 0, "kafka": -1}
    assert (await api.get("/v1/scorecards/1")).json()["state"] == "retired"
    assert (await api.post("/v1/scorecards/1/publish")).status_code == 202
    assert (await api.post("/v1/scorecards/cancel")).status_code == 204
    assert (await api.post("/v1/scorecards/cancel")).status_code == 409


async def test_measures_that_no_event_has_fed_are_named(api: httpx.AsyncClient) -> None:
    status = (await api.get("/v1/scorecards/status")).json()

    assert "activity" in status["unfed"]
    assert {m["measure"] for m in status["measures"]} == set(status["unfed"])


async def test_reading_needs_another_scope_than_publishing(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "customers:read")
    async with client_of(app, key) as reader:
        assert (await reader.get("/v1/scorecards")).status_code == 200
        assert (await reader.post("/v1/scorecards", json={"document": card()})).status_code == 403
        assert (await reader.post("/v1/scorecards/1/publish")).status_code == 403


async def test_a_fitted_model_is_held_by_the_ship_gate_unless_a_reason_is_given(
    api: httpx.AsyncClient,
) -> None:
    fitted = {"name": "scaled_prior", "kind": "churn_probability", "intercept": -2, "terms": []}
    await api.post(
        "/v1/scorecards", json={"document": card(risk={"horizon_days": 28, "model": fitted})}
    )

    held = await api.post("/v1/scorecards/2/publish")
    begun = await api.post("/v1/scorecards/2/publish", json={"override_reason": "judged offline"})

    assert (held.status_code, held.json()["type"]) == (409, "/problems/ship-gate")
    assert [e["pointer"] for e in held.json()["errors"]] == ["known_backtest"]
    assert begun.status_code == 202
    assert (await api.get("/v1/scorecards/2")).json()["override_reason"] == "judged offline"
