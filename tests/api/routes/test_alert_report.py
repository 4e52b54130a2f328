"""Which alerts of a period were right."""

import csv
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.rest.alert_report import ALERT_REPORT_COLUMNS, AlertReport
from tests.api.rows import AT, add_alert, add_customer

PATH = "/v1/alerts/report"
PERIOD = {
    "from": (AT - timedelta(days=1)).isoformat(),
    "to": (AT + timedelta(days=1)).isoformat(),
}


@pytest.fixture
async def month(engine: AsyncEngine) -> None:
    """Five alerts of two kinds, and two that don't count: one held, one raised before."""
    stays = {"customer_id": "stays", "customer_key": await add_customer(engine, "stays")}
    gone = await add_customer(engine, "gone", stage="churned", owner="jo")
    left = {"customer_id": "gone", "customer_key": gone}
    done: dict[str, Any] = {"state": "resolved", "resolved_by": "kim"}
    later = {"resolved_at": AT + timedelta(hours=6)}
    await add_alert(engine, "a1", **done, **later, outcome="false_alarm", **stays)
    await add_alert(
        engine, "a2", **done, **later, outcome="saved", **left, acknowledged_at=AT_TWO_HOURS
    )
    await add_alert(engine, "a3", **done | {"resolved_by": "released"}, **later, **left)
    await add_alert(engine, "a4", **stays)
    await add_alert(engine, "a5", kind="silent", severity="warning", **left)
    await add_alert(engine, "a6", kind="silent", state="held", **stays)
    await add_alert(engine, "a7", kind="silent", raised_at=AT - timedelta(days=9), **stays)


AT_TWO_HOURS = AT + timedelta(hours=2)


async def kinds(api: httpx.AsyncClient, **query: Any) -> dict[str, dict[str, Any]]:
    answer = await api.get(PATH, params=PERIOD | query)
    assert answer.status_code == 200, answer.text
    AlertReport.model_validate_json(answer.content)
    return {item["kind"]: item for item in answer.json()["items"]}


async def test_the_report_tells_by_kind_what_came_of_the_alerts(
    api: httpx.AsyncClient, month: None
) -> None:
    report = await kinds(api)

    assert report["cancel_intent"] == {
        "kind": "cancel_intent",
        "alerts": 4,
        "waiting": 1,
        "condition_ended": 1,
        "acted_on": 2,
        "median_hours_to_act": 4.0,
        "outcomes": {"false_alarm": 1, "saved": 1},
        "false_alarm_share": 0.5,
        "customers": 2,
        "customers_left": 1,
    }


async def test_alerts_that_nobody_judged_have_no_share_of_false_alarms(
    api: httpx.AsyncClient, month: None
) -> None:
    silent = (await kinds(api))["silent"]

    assert (silent["alerts"], silent["outcomes"]) == (1, {})
    assert (silent["false_alarm_share"], silent["median_hours_to_act"]) == (None, None)


async def test_an_owner_asks_about_their_own_customers(api: httpx.AsyncClient, month: None) -> None:
    assert (await kinds(api, owner="jo"))["cancel_intent"]["alerts"] == 2


async def test_the_report_is_a_table_for_spreadsheets(api: httpx.AsyncClient, month: None) -> None:
    answer = await api.get(PATH, params=PERIOD | {"format": "csv"})

    head, *rows = csv.reader(io.StringIO(answer.text))
    assert tuple(head) == ALERT_REPORT_COLUMNS
    assert [row[0] for row in rows] == ["cancel_intent", "silent"]


async def test_a_report_over_no_time_is_refused(api: httpx.AsyncClient) -> None:
    at = "2026-06-01T00:00:00Z"
    assert (await api.get(PATH, params={"from": at, "to": at})).status_code == 422
