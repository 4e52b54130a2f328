from datetime import timedelta

import httpx

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import Vault
from tests.api.conftest import SECRET, UrlChecker
from tests.api.rows import add_alert, fetch
from tests.support.clock import Clock

PATH = "/v1/webhooks/endpoints"
URL = "https://crm.example.com/hook"


async def create(api: httpx.AsyncClient, **changes: object) -> dict[str, str]:
    answer = await api.post(PATH, json={"url": URL} | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


async def test_the_secret_is_shown_once_and_kept_sealed(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    answer = await api.post(
        PATH, json={"url": URL, "event_types": ["alert.raised"], "description": "CRM"}
    )

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    assert made["secret"].startswith("whsec_")
    shown = (await api.get(answer.headers["location"])).json()
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    assert (await api.get(PATH)).json()["items"] == [shown]
    (row,) = await fetch(engine, "select secret from endpoints")
    assert Vault(SECRET).decrypt(row["secret"], made["id"]) == made["secret"]


async def test_a_type_that_is_not_sent_is_refused_with_the_nearest_name(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.post(PATH, json={"url": URL, "event_types": ["alert.raised", "alert.rised"]})

    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/event_types/1"
    assert "did you mean alert.raised?" in fault["detail"]


async def test_a_url_that_the_guard_refuses_is_not_kept(
    api: httpx.AsyncClient, engine: AsyncEngine, url_checker: UrlChecker
) -> None:
    url_checker.refused.add("intranet")

    answer = await api.post(PATH, json={"url": "https://intranet/hook"})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/url-refused"
    assert answer.json()["errors"][0]["pointer"] == "/url"
    assert await fetch(engine, "select * from endpoints") == []


async def test_strange_bodies_are_refused(api: httpx.AsyncClient) -> None:
    for body in (
        {},
        {"url": ""},
        {"url": 7},
        {"url": URL, "event_types": "all"},
        {"url": "a\0"},
        [],
        {"url": URL, "x": 1},
    ):
        assert (await api.post(PATH, json=body)).status_code == 422, body


async def test_endpoints_come_newest_first_in_pages(api: httpx.AsyncClient, clock: Clock) -> None:
    made = []
    for _ in range(5):
        made.append((await create(api))["id"])
        clock.advance(seconds=0.000001)

    first = (await api.get(PATH, params={"limit": 3})).json()
    second = (await api.get(PATH, params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_a_deleted_endpoint_is_gone(api: httpx.AsyncClient, engine: AsyncEngine) -> None:
    made = await create(api)

    assert (await api.delete(f"{PATH}/{made['id']}")).status_code == 204

    for method, ending in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/enable"),
        ("GET", "/deliveries"),
    ):
        assert (await api.request(method, f"{PATH}/{made['id']}{ending}")).status_code == 404
    assert (await api.post(f"{PATH}/{made['id']}/rotate-secret")).status_code == 404
    actions = await fetch(
        engine, "select actor, action from audit where target = :id order by id", id=made["id"]
    )
    assert actions == [
        {"actor": "admin key", "action": "endpoint.created"},
        {"actor": "admin key", "action": "endpoint.deleted"},
    ]


async def test_a_rotated_secret_holds_at_once_and_the_old_one_for_a_day(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    made = await create(api)

    new = (await api.post(f"{PATH}/{made['id']}/rotate-secret")).json()

    (row,) = await fetch(engine, "select secret, previous_secret, previous_until from endpoints")
    assert new["secret"] != made["secret"]
    assert Vault(SECRET).decrypt(row["secret"], made["id"]) == new["secret"]
    assert Vault(SECRET).decrypt(row["previous_secret"], made["id"]) == made["secret"]
    assert row["previous_until"] == clock() + timedelta(hours=24)


async def test_a_test_message_goes_to_its_endpoint_alone(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    made, _ = await create(api, event_types=["alert.raised"]), await create(api)

    sent = await api.post(f"{PATH}/{made['id']}/test")

    assert sent.status_code == 202
    rows = await fetch(
        engine,
        "select endpoint_id, message_id, type from deliveries join messages m on m.id = message_id",
    )
    assert rows == [
        {"endpoint_id": made["id"], "message_id": sent.json()["message_id"], "type": "test.sent"}
    ]


async def test_a_disabled_endpoint_is_switched_on_again(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    made = await create(api)
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "update endpoints set state = 'disabled', disabled_reason = 'gone'"
        )

    assert (await api.post(f"{PATH}/{made['id']}/test")).status_code == 409
    enabled = await api.post(f"{PATH}/{made['id']}/enable")

    assert (enabled.json()["state"], enabled.json()["disabled_reason"]) == ("enabled", None)


async def test_deliveries_are_listed_with_their_attempts(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    made = await create(api, event_types=["alert.acknowledged"])
    await add_alert(engine, "al_1")
    await api.post("/v1/alerts/al_1/acknowledge")
    await api.post("/v1/alerts/al_1/resolve")
    await api.post(f"{PATH}/{made['id']}/test")
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "insert into attempts select id, 1, now(), 0.25, 503, 'throttled', 'later' from"
            " deliveries"
        )

    page = (await api.get(f"{PATH}/{made['id']}/deliveries")).json()

    assert [item["type"] for item in page["items"]] == ["test.sent", "alert.acknowledged"]
    (attempt,) = page["items"][1]["attempts"]
    assert (attempt["status"], attempt["seconds"], attempt["outcome"], attempt["response"]) == (
        503,
        0.25,
        "throttled",
        "later",
    )
