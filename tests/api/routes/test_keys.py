import httpx
from fastapi import FastAPI

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire import api_keys
from tests.api.conftest import client_of
from tests.api.rows import fetch
from tests.support.clock import Clock


async def test_a_new_key_is_shown_once_and_works(
    app: FastAPI, api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    answer = await api.post("/v1/keys", json={"name": "crm", "scopes": ["customers:read"]})

    made = answer.json()
    assert answer.status_code == 201
    assert api_keys.well_formed(made["key"])
    listed = (await api.get("/v1/keys")).json()["items"]
    assert listed == [{key: value for key, value in made.items() if key != "key"}]
    async with client_of(app, made["key"]) as client:
        assert (await client.get("/v1/customers")).status_code == 200
    assert await fetch(engine, "select actor, action, detail->'scopes' as scopes from audit") == [
        {"actor": "admin key", "action": "key.created", "scopes": ["customers:read"]}
    ]


async def test_a_revoked_key_opens_nothing_at_once(app: FastAPI, api: httpx.AsyncClient) -> None:
    made = (await api.post("/v1/keys", json={"name": "crm", "scopes": ["admin"]})).json()
    async with client_of(app, made["key"]) as client:
        assert (await client.get("/v1/keys")).status_code == 200

        assert (await api.delete(f"/v1/keys/{made['id']}")).status_code == 204

        assert (await client.get("/v1/keys")).status_code == 401
    assert (await api.delete(f"/v1/keys/{made['id']}")).status_code == 204
    assert (await api.delete("/v1/keys/key_nothing")).status_code == 404
    assert (await api.get("/v1/keys")).json()["items"][0]["revoked_at"] is not None


async def test_keys_are_refused_that_make_no_sense(api: httpx.AsyncClient, clock: Clock) -> None:
    for body, pointer in (
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "scopes": ["everything"]}, "/scopes/0"),
        ({"name": "", "scopes": ["admin"]}, "/name"),
        ({"name": "x", "scopes": ["admin"], "expires_at": clock().isoformat()}, "/expires_at"),
        ({"name": "x", "scopes": ["admin"], "expires_at": "2030-01-01T00:00:00"}, "/expires_at"),
        ({"name": "x", "scopes": ["admin"], "id": "key_1"}, "/id"),
    ):
        answer = await api.post("/v1/keys", json=body)

        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["pointer"] == pointer
