"""The shadow over REST: begun, looked at, ended."""

import asyncio

import httpx

from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.projections import supervisor
from healthsvc.store.database.engine import AsyncEngine
from tests.api.routes.test_scorecards import card
from tests.support.clock import Clock
from tests.support.waiting import until


async def test_a_shadow_is_begun_looked_at_and_ended(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await api.post("/v1/scorecards", json={"document": card()})
    assert (await api.get("/v1/scorecards/shadow")).status_code == 404
    assert (await api.delete("/v1/scorecards/shadow")).status_code == 404
    assert (await api.post("/v1/scorecards/1/shadow")).status_code == 409

    asked = await api.post("/v1/scorecards/2/shadow")

    assert (asked.status_code, asked.json()["state"]) == (202, "shadow")
    stop = asyncio.Event()
    limits = MemoryLimits(least_customers=100, state_bytes=1)
    task = asyncio.create_task(
        supervisor.build_what_is_asked(engine, worker_id="b", limits=limits, now=clock, stop=stop)
    )

    async def ready() -> bool:
        return bool((await api.get("/v1/scorecards/shadow")).json()["ready"])

    await until(ready)
    told = (await api.get("/v1/scorecards/shadow")).json()
    assert (told["publication"]["version"], told["customers"], told["outcomes"]["live"]) == (
        2,
        0,
        None,
    )
    assert (await api.get("/v1/scorecards/shadow/customers?moved=true")).json()["items"] == []
    assert (await api.get("/v1/scorecards/2")).json()["state"] == "shadow"
    assert (await api.post("/v1/scorecards/rebuild")).status_code == 409
    assert (await api.delete("/v1/scorecards/shadow")).status_code == 204
    assert not await task
    assert (await api.get("/v1/scorecards/2")).json()["state"] == "draft"
