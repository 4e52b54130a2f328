"""Runs of the lab as resources: asked for, listed, followed, cancelled."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from healthsvc.flows.lab import runs
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import client_of, make_key
from tests.support.clock import Clock


async def test_a_run_is_queued_listed_and_cancelled(api: httpx.AsyncClient) -> None:
    asked = await api.post(
        "/v1/lab/runs", json={"kind": "fit", "outcome": "silence", "horizon_days": 30}
    )
    await api.post("/v1/lab/runs", json={"kind": "backtest"})
    listed = (await api.get("/v1/lab/runs?limit=1")).json()
    rest = (await api.get(f"/v1/lab/runs?limit=1&cursor={listed['next_cursor']}")).json()

    assert asked.status_code == 202
    run = asked.json()
    assert asked.headers["location"] == f"/v1/lab/runs/{run['id']}"
    assert (run["state"], run["progress"], run["result"]) == ("queued", 0, None)
    assert run["options"] == {
        "outcome": "silence",
        "horizon_days": 30,
        "fit_share": 0.5,
        "capacity": 25,
    }
    assert [r["kind"] for r in listed["items"] + rest["items"]] == ["backtest", "fit"]
    assert "result" not in listed["items"][0]
    assert (await api.delete(f"/v1/lab/runs/{run['id']}")).status_code == 204
    assert (await api.delete(f"/v1/lab/runs/{run['id']}")).status_code == 409
    cancelled = (await api.get(f"/v1/lab/runs/{run['id']}")).json()
    assert (cancelled["state"], cancelled["failure"]) == ("failed", "Cancelled by admin key.")


async def test_what_makes_no_sense_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/lab/runs", json={"kind": "guess"})).status_code == 422
    assert (
        await api.post("/v1/lab/runs", json={"kind": "fit", "horizon_days": 1})
    ).status_code == 422
    assert (await api.get("/v1/lab/runs/9")).status_code == 404
    assert (await api.delete("/v1/lab/runs/9")).status_code == 404


async def test_a_reader_may_not_ask_for_runs(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    async with client_of(app, await make_key(engine, clock, "customers:read")) as reader:
        assert (await reader.post("/v1/lab/runs", json={"kind": "fit"})).status_code == 403
        assert (await reader.get("/v1/lab/runs")).status_code == 403


async def test_the_schedule_is_set_and_read(api: httpx.AsyncClient) -> None:
    unset = (await api.get("/v1/lab/schedule")).json()
    assert (unset["refit"], unset["drift"], unset["set_by"]) == (None, "weekly", None)

    answer = await api.put(
        "/v1/lab/schedule", json={"refit": "monthly", "outcome": "silence", "horizon_days": 30}
    )

    assert answer.status_code == 200
    assert (await api.get("/v1/lab/schedule")).json() == answer.json()
    assert (answer.json()["refit"], answer.json()["horizon_days"]) == ("monthly", 30)
    assert (await api.put("/v1/lab/schedule", json={"refit": "hourly"})).status_code == 422


async def test_a_replay_of_the_score_takes_a_kept_version(api: httpx.AsyncClient) -> None:
    asked = await api.post(
        "/v1/lab/runs", json={"kind": "replay", "version": 1, "dates": 12, "known_by": "counted"}
    )

    assert asked.status_code == 202
    assert asked.json()["options"] == {
        "version": 1, "dates": 12, "every_days": 7, "horizon_days": 28, "known_by": "counted",
    }  # fmt: skip
    assert (
        await api.post("/v1/lab/runs", json={"kind": "replay", "version": 9})
    ).status_code == 404
    assert (await api.post("/v1/lab/runs", json={"kind": "replay", "dates": 1})).status_code == 422
    assert (
        await api.post("/v1/lab/runs", json={"kind": "replay", "known_by": "heart"})
    ).status_code == 422


async def test_a_comparison_and_a_preview_take_the_options_that_they_look_at(
    api: httpx.AsyncClient,
) -> None:
    body = {"version": 1, "outcome": "silence", "horizon_days": 30, "capacity": 9}

    compared = await api.post("/v1/lab/runs", json={"kind": "compare", **body})
    previewed = await api.post("/v1/lab/runs", json={"kind": "preview", **body})
    fitted = await api.post("/v1/lab/runs", json={"kind": "fit", **body})

    assert compared.json()["options"] == body
    assert previewed.json()["options"] == {"version": 1}
    assert "version" not in fitted.json()["options"]


@pytest.mark.parametrize("kind", ["compare", "preview"])
async def test_a_comparison_and_a_preview_need_a_kept_version(
    api: httpx.AsyncClient, kind: str
) -> None:
    without = await api.post("/v1/lab/runs", json={"kind": kind})

    assert without.status_code == 422
    (fault,) = without.json()["errors"]
    assert fault == {
        "pointer": "/version",
        "detail": f"is needed of kind {kind}: the scorecard to look at",
    }
    assert (await api.post("/v1/lab/runs", json={"kind": kind, "version": 9})).status_code == 404
    assert (await api.get("/v1/lab/runs")).json()["items"] == []


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("compare", "no customer is at risk at any date with a horizon of 28 days"),
        ("preview", "the archive has no events"),
    ],
)
async def test_an_archive_without_events_is_a_plain_answer(
    api: httpx.AsyncClient,
    engine: AsyncEngine,
    database_url: str,
    clock: Clock,
    kind: str,
    why: str,
) -> None:
    asked = await api.post("/v1/lab/runs", json={"kind": kind, "version": 1})

    await runs.execute_next(engine, database_url, worker_id="w", now=clock, stop=asyncio.Event())

    run = (await api.get(asked.headers["location"])).json()
    assert (run["kind"], run["state"], run["failure"]) == (kind, "done", None)
    assert (run["result"][kind], run["result"]["detail"]) == (None, why)
