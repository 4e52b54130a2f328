import httpx
from fastapi import FastAPI

from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import Switch, client_of, make_key
from tests.support.clock import Clock


async def test_a_service_with_its_database_is_alive_started_and_ready(
    stranger: httpx.AsyncClient,
) -> None:
    for probe in ("/livez", "/startupz", "/readyz"):
        answer = await stranger.get(probe)

        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_without_its_database_it_is_alive_but_not_ready(offline_app: FastAPI) -> None:
    async with client_of(offline_app, None) as stranger:
        assert (await stranger.get("/livez")).status_code == 200
        for probe in ("/startupz", "/readyz"):
            answer = await stranger.get(probe)

            assert answer.status_code == 503
            assert [error["pointer"] for error in answer.json()["errors"]] == ["/database"]


async def test_while_draining_it_is_not_ready(
    stranger: httpx.AsyncClient, draining: Switch
) -> None:
    draining.on = True

    answer = await stranger.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["pointer"] == "/draining"
    assert (await stranger.get("/livez")).status_code == 200


async def test_at_another_schema_it_is_not_ready(
    stranger: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    async with engine.begin() as conn:
        await conn.exec_driver_sql("update alembic_version set version_num = '0000_older'")

    answer = await stranger.get("/readyz")

    assert answer.status_code == 503
    assert "0000_older" in answer.json()["errors"][0]["detail"]


async def test_metrics_need_any_key_and_name_no_customer(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "events:write")
    async with client_of(app, key) as client:
        await client.get("/v1/customers/a-secret-customer")

        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert 'route="/v1/customers/{customer_id}"' in answer.text
    assert "a-secret-customer" not in answer.text
