"""Endpoints are changed, narrowed to some customers, kept off, and sent a delivery again."""

from typing import Any

import httpx
import pytest

from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import UrlChecker
from tests.api.rows import add_customer, fetch, flag_change, record_changes

PLACE = "/v1/webhooks/endpoints"


async def made(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post(PLACE, json={"url": "https://crm.test/hook", **body})
    assert answer.status_code == 201, answer.text
    endpoint: dict[str, Any] = answer.json()
    return endpoint


async def patched(api: httpx.AsyncClient, endpoint: str, **body: Any) -> dict[str, Any]:
    answer = await api.patch(f"{PLACE}/{endpoint}", json=body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def delivered(engine: AsyncEngine, endpoint: str) -> list[str]:
    """The customers about whom the endpoint gets something."""
    found = await fetch(
        engine,
        "select m.customer_id from deliveries d join messages m on m.id = d.message_id"
        " where d.endpoint_id = :endpoint order by d.id",
        endpoint=endpoint,
    )
    return [row["customer_id"] for row in found]


async def test_what_the_request_names_is_changed_and_the_rest_stays(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    endpoint = await made(api, description="CRM", event_types=["alert.raised"])

    changed = await patched(
        api, endpoint["id"], url="https://new.test/hook", filter={"owners": ["Kim"]}
    )

    assert changed["url"] == "https://new.test/hook"
    assert (changed["description"], changed["event_types"]) == ("CRM", ["alert.raised"])
    assert changed["filter"] == {"owners": ["kim"]}
    assert (await patched(api, endpoint["id"], filter={}))["filter"] == {}
    (audited, _) = await fetch(
        engine, "select detail from audit where action = 'endpoint.changed' order by id"
    )
    assert audited["detail"] == {"url": "https://new.test/hook", "filter": {"owners": ["kim"]}}


async def test_an_endpoint_gets_what_its_filter_lets_through(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    everything = (await made(api))["id"]
    kims = (await made(api, filter={"owners": ["KIM"], "mrr_from": 100}))["id"]
    silent = (await made(api, filter={"flags": ["silent"]}))["id"]
    keys = {name: await add_customer(engine, name) for name in ("a", "b", "c")}

    await record_changes(
        engine,
        flag_change(keys["a"], "a", owner="kim", mrr=200.0),
        flag_change(keys["b"], "b", owner="kim", mrr=50.0),
        flag_change(keys["c"], "c", "usage_drop", owner="ana", flags=["usage_drop"]),
    )

    assert await delivered(engine, everything) == ["a", "b", "c"]
    assert await delivered(engine, kims) == ["a"]
    assert await delivered(engine, silent) == ["a", "b"]


async def test_what_no_endpoint_wants_is_not_made(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await made(api, filter={"owners": ["ana"]})
    key = await add_customer(engine, "a")

    await record_changes(engine, flag_change(key, "a", owner="kim"))

    assert await fetch(engine, "select id from messages") == []
    assert len((await api.get("/v1/changes")).json()["items"]) == 1


async def test_an_endpoint_that_is_kept_off_gets_nothing_until_it_is_on(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    endpoint = await made(api, enabled=False)
    key = await add_customer(engine, "a")
    await record_changes(engine, flag_change(key, "a"))

    on = await patched(api, endpoint["id"], enabled=True)
    await record_changes(engine, flag_change(key, "a"))
    off = await patched(api, endpoint["id"], enabled=False)

    assert (endpoint["state"], endpoint["disabled_reason"]) == ("disabled", "created disabled")
    assert (on["state"], on["disabled_reason"]) == ("enabled", None)
    assert (off["state"], off["disabled_reason"]) == ("disabled", "switched off")
    assert await delivered(engine, endpoint["id"]) == ["a"]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"filter": {"bands": ["bad"]}}, "/filter/bands/0", "there are"),
        ({"filter": {"flags": ["silent", "slient"]}}, "/filter/flags/1", "did you mean silent?"),
        ({"filter": {"owner": ["kim"]}}, "/filter/owner", ""),
        ({"event_types": ["alert.rased"]}, "/event_types/0", "did you mean alert.raised?"),
        ({"enabled": "yes"}, "/enabled", ""),
    ],
)
async def test_what_can_not_be_is_refused_with_its_place(
    api: httpx.AsyncClient, body: dict[str, Any], pointer: str, detail: str
) -> None:
    endpoint = await made(api)

    for answer in (
        await api.patch(f"{PLACE}/{endpoint['id']}", json=body),
        await api.post(PLACE, json={"url": "https://crm.test/hook", **body}),
    ):
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["pointer"] == pointer
        assert detail in error["detail"]


async def test_a_new_url_is_looked_at_like_the_first(
    api: httpx.AsyncClient, url_checker: UrlChecker
) -> None:
    endpoint = await made(api)
    url_checker.refused.add("10.0.0.1")

    answer = await api.patch(f"{PLACE}/{endpoint['id']}", json={"url": "https://10.0.0.1/"})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/url-refused"
    assert (await api.patch(f"{PLACE}/ep_none", json={"enabled": True})).status_code == 404


async def test_a_delivery_is_sent_again_with_the_tries_it_had(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    endpoint = (await made(api))["id"]
    key = await add_customer(engine, "a")
    await record_changes(engine, flag_change(key, "a"))
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "update deliveries set state = 'exhausted', attempt = 10, finished_at = now()"
        )
    (delivery,) = (await api.get(f"{PLACE}/{endpoint}/deliveries")).json()["items"]
    again = f"{PLACE}/{endpoint}/deliveries/{delivery['id']}/resend"

    assert (await api.post(again)).status_code == 202
    (waiting,) = (await api.get(f"{PLACE}/{endpoint}/deliveries")).json()["items"]
    await patched(api, endpoint, enabled=False)

    assert (waiting["state"], waiting["attempt"], waiting["finished_at"]) == ("pending", 10, None)
    assert waiting["message_id"] == delivery["message_id"]
    assert (await api.post(again)).status_code == 409
    missing = f"{PLACE}/{endpoint}/deliveries/999/resend"
    assert (await api.post(missing)).status_code == 404
