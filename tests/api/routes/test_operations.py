"""Operations alerts: one while their cause lasts, told under types of their own, apart from the
customers' alerts."""

import json

import httpx

from healthsvc.flows import operations_alerts
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.engine import AsyncEngine
from tests.api.rows import AT, add_alert, add_subscriber, fetch

TROUBLE = Trouble(
    kind="fleet_guard",
    scope="source:web",
    severity="critical",
    summary="No events from web",
    onset_at=AT,
    detail={"got": 0},
)


async def test_one_operations_alert_is_raised_while_its_cause_lasts_and_resolved_with_it(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_subscriber(engine)
    async with engine.begin() as conn:
        raised = await operations_alerts.raise_alert(conn, TROUBLE, AT)
        assert await operations_alerts.raise_alert(conn, TROUBLE, AT) is None
        assert await operations_alerts.resolve_alert(conn, "fleet_guard", "fleet", AT) is None
        resolved = await operations_alerts.resolve_alert(conn, "fleet_guard", "source:web", AT)

    assert raised is not None
    assert resolved is not None
    assert (resolved.id, resolved.state, resolved.resolved_by) == (
        raised.id,
        "resolved",
        "released",
    )
    told = await fetch(engine, "select type, customer_id, body from messages order by type")
    assert [(m["type"], m["customer_id"]) for m in told] == [
        ("operations.alert.raised", None),
        ("operations.alert.resolved", None),
    ]
    assert json.loads(told[0]["body"])["data"]["scope"] == "source:web"


async def test_operations_alerts_are_listed_apart_and_settled_like_the_others(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1")
    await add_subscriber(engine)
    async with engine.begin() as conn:
        raised = await operations_alerts.raise_alert(conn, TROUBLE, AT)
    assert raised is not None

    customers = (await api.get("/v1/alerts")).json()["items"]
    ours = (await api.get("/v1/alerts", params={"about": "operations"})).json()["items"]
    settled = await api.post(
        f"/v1/alerts/{raised.id}/resolve", json={"note": "The tracker is back."}
    )

    assert [a["id"] for a in customers] == ["al_1"]
    assert [(a["scope"], a["customer_id"]) for a in ours] == [("source:web", None)]
    assert settled.json()["state"] == "resolved"
    (message,) = await fetch(
        engine, "select body from messages where type = 'operations.alert.resolved'"
    )
    assert json.loads(message["body"])["data"]["note"] == "The tracker is back."
