from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire import api_keys
from tests.api.conftest import ADMIN_KEY, client_of, make_key
from tests.api.rows import fetch
from tests.support.clock import Clock


async def ask(app: FastAPI, key: str | None, path: str = "/v1/customers") -> httpx.Response:
    async with client_of(app, key) as client:
        return await client.get(path)


async def test_without_a_key_the_answer_is_401_with_a_challenge(app: FastAPI) -> None:
    answer = await ask(app, None)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "/problems/key-required"


@pytest.mark.parametrize("key", ["nonsense", "hsk_" + "a" * 36, ADMIN_KEY + "x", "ключ", ""])
async def test_a_key_that_is_not_ours_opens_nothing(app: FastAPI, key: str) -> None:
    async with client_of(app, None) as client:
        answer = await client.get(
            "/v1/customers", headers=[(b"authorization", f"Bearer {key}".encode())]
        )

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_admin_key_holds_from_the_start(app: FastAPI) -> None:
    assert (await ask(app, ADMIN_KEY)).status_code == 200


async def test_a_key_opens_what_its_scopes_say(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "customers:read")

    assert (await ask(app, key)).status_code == 200
    assert (await ask(app, key, "/v1/alerts")).status_code == 200
    refused = await ask(app, key, "/v1/keys")
    assert refused.status_code == 403
    assert "`admin`" in refused.json()["detail"]


async def test_alerts_write_reads_alerts_but_no_customers(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "alerts:write")

    assert (await ask(app, key, "/v1/alerts")).status_code == 200
    assert (await ask(app, key, "/v1/customers")).status_code == 403


async def test_an_expired_key_opens_nothing_even_while_it_is_remembered(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "customers:read", expires_at=clock() + timedelta(seconds=2))
    assert (await ask(app, key)).status_code == 200

    clock.advance(seconds=2)

    assert (await ask(app, key)).status_code == 401


async def test_a_key_revoked_elsewhere_is_noticed_within_five_seconds(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "customers:read")
    assert (await ask(app, key)).status_code == 200
    async with engine.begin() as conn:
        await conn.exec_driver_sql("update api_keys set revoked_at = now()")

    clock.advance(seconds=5)

    assert (await ask(app, key)).status_code == 401


async def test_use_is_noted_once_a_minute(app: FastAPI, engine: AsyncEngine, clock: Clock) -> None:
    key = await make_key(engine, clock, "customers:read")
    first = clock()
    for _ in range(5):
        await ask(app, key)
        clock.advance(seconds=10)
    noted = await fetch(engine, "select last_used_at from api_keys")
    assert noted == [{"last_used_at": first}]

    clock.advance(seconds=20)
    await ask(app, key)

    assert await fetch(engine, "select last_used_at from api_keys") == [{"last_used_at": clock()}]


async def test_a_key_is_stored_as_a_keyed_hash_only(
    engine: AsyncEngine, clock: Clock, app: FastAPI
) -> None:
    key = await make_key(engine, clock, "customers:read")

    (row,) = await fetch(engine, "select * from api_keys")

    assert key not in repr(row)
    assert len(row["hash"]) == 32


def test_a_key_has_githubs_form_and_a_typing_mistake_shows() -> None:
    key = api_keys.make(lambda alphabet: alphabet[7])

    assert len(key) == 40
    assert key.startswith("hsk_")
    assert api_keys.well_formed(key)
    assert not api_keys.well_formed(key[:10] + "x" + key[11:])
    assert not api_keys.well_formed(key[:-1])


async def test_a_key_may_come_as_the_user_of_basic_authentication(app: FastAPI) -> None:
    async with client_of(app, None) as client:
        for password in ("", "whatever:else"):
            answer = await client.get("/v1/customers", auth=(ADMIN_KEY, password))
            assert answer.status_code == 200
        for header in ("Basic", "Basic !!!", "Basic Og==", "Basic 4pyT/w=="):
            refused = await client.get("/v1/customers", headers={"authorization": header})
            assert refused.status_code == 401


async def test_a_key_is_told_what_it_is_and_who_acts_by_it(
    app: FastAPI, engine: AsyncEngine, clock: Clock
) -> None:
    key = await make_key(engine, clock, "alerts:write", "customers:read")

    async with client_of(app, key) as client:
        alone = (await client.get("/v1/me")).json()
        named = (await client.get("/v1/me", headers={"x-actor": "Kim Park"})).json()

    assert alone["scopes"] == ["alerts:write", "customers:read"]
    assert (alone["actor"]["kind"], alone["actor"]["id"]) == ("key", alone["id"])
    assert named["actor"] == {
        "kind": "person",
        "id": None,
        "name": "Kim Park",
        "via_key": alone["id"],
    }
