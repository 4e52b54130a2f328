"""Renewals as whoever plans a quarter asks for them."""

import csv
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.rest.renewals import RENEWAL_COLUMNS, Renewals
from tests.api.rows import AT, add_alert, add_customer

PATH = "/v1/renewals"


@pytest.fixture
async def book(engine: AsyncEngine) -> dict[str, int]:
    """Customers that renew in two currencies, one that has left, and one without a date."""
    rows: dict[str, dict[str, Any]] = {
        "safe": {"days": 40, "mrr": 100.0, "currency": "EUR", "band": "healthy"},
        "shaky": {"days": 20, "mrr": 900.0, "currency": "EUR", "band": "at_risk"},
        "brl": {"days": 60, "mrr": 700.0, "currency": "BRL", "band": "critical", "owner": "jo"},
        "unpriced": {"days": 20, "mrr": None, "currency": None, "band": "critical"},
        "gone": {"days": 30, "mrr": 50.0, "currency": "EUR", "stage": "churned"},
        "later": {"days": 200, "mrr": 60.0, "currency": "EUR"},
        "dateless": {"days": None, "mrr": 70.0, "currency": "EUR"},
    }
    keys = {}
    for name, row in rows.items():
        days = row.pop("days")
        renewal_at = None if days is None else AT + timedelta(days=days)
        flags = ["silent", "cancel_intent"] if name == "shaky" else []
        keys[name] = await add_customer(engine, name, renewal_at=renewal_at, flags=flags, **row)
    return keys


def period(days: int = 90) -> dict[str, str]:
    return {"from": AT.isoformat(), "to": (AT + timedelta(days=days)).isoformat()}


async def asked(api: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await api.get(PATH, params=period() | query)
    assert answer.status_code == 200, answer.text
    Renewals.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


async def test_renewals_come_by_date_without_those_that_left(
    api: httpx.AsyncClient, book: dict[str, int]
) -> None:
    answer = await asked(api)

    assert [item["customer_id"] for item in answer["items"]] == ["shaky", "unpriced", "safe", "brl"]
    assert [item["mrr_at_risk"] for item in answer["items"]] == [900.0, None, 0.0, 700.0]


async def test_totals_are_by_currency_and_of_the_whole_period(
    api: httpx.AsyncClient, book: dict[str, int]
) -> None:
    answer = await asked(api, limit=1)

    totals = {total.pop("currency"): total for total in answer["totals"]}
    assert totals["EUR"] == {
        "renewals": 2,
        "without_mrr": 0,
        "mrr": 1000.0,
        "renewals_at_risk": 1,
        "mrr_at_risk": 900.0,
    }
    assert (totals["BRL"]["mrr_at_risk"], totals[None]["without_mrr"]) == (700.0, 1)


async def test_a_renewal_says_why_it_is_at_risk_and_who_is_on_it(
    api: httpx.AsyncClient, engine: AsyncEngine, book: dict[str, int]
) -> None:
    mine = {"customer_key": book["shaky"], "customer_id": "shaky"}
    await add_alert(engine, "al_1", **mine)
    await add_alert(engine, "al_2", kind="silent", severity="warning", assignee="ana", **mine)
    await add_alert(engine, "al_3", kind="x", state="resolved", assignee="lee", **mine)

    english, portuguese = await asked(api), await asked(api, language="pt-BR")

    shaky, unpriced = english["items"][:2]
    assert (shaky["alert_id"], shaky["assignee"]) == ("al_2", "ana")
    assert (unpriced["alert_id"], unpriced["reasons"]) == (None, [])
    assert len(shaky["reasons"]) == 2
    assert shaky["reasons"] != portuguese["items"][0]["reasons"]


async def test_pages_lead_through_the_list_and_back(
    api: httpx.AsyncClient, book: dict[str, int]
) -> None:
    first = await asked(api, limit=2)
    second = await asked(api, limit=2, cursor=first["next_cursor"])
    back = await asked(api, limit=2, cursor=second["prev_cursor"])

    assert [item["customer_id"] for item in second["items"]] == ["safe", "brl"]
    assert second["next_cursor"] is None
    assert back["items"] == first["items"]


async def test_one_owner_sees_their_own_totals(
    api: httpx.AsyncClient, book: dict[str, int]
) -> None:
    answer = await asked(api, owner="jo")

    assert [item["customer_id"] for item in answer["items"]] == ["brl"]
    assert [total["currency"] for total in answer["totals"]] == ["BRL"]


async def test_the_whole_list_is_a_table(api: httpx.AsyncClient, book: dict[str, int]) -> None:
    answer = await api.get(PATH, params=period(), headers={"accept": "text/csv"})

    head, *rows = csv.reader(io.StringIO(answer.text))
    assert tuple(head) == RENEWAL_COLUMNS
    assert [row[0] for row in rows] == ["shaky", "unpriced", "safe", "brl"]


async def test_a_period_that_ends_before_it_begins_is_refused(api: httpx.AsyncClient) -> None:
    query = {"from": "2026-06-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
    answer = await api.get(PATH, params=query)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/from")
