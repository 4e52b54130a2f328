import csv
import io
from datetime import timedelta

import httpx
from sqlalchemy import text

from healthsvc.core.instants import to_us
from healthsvc.core.portfolio.entries import NPS, RENEWED
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.rest.portfolio import Portfolio
from tests.api.rows import AT, add_customer

PERIOD = {"from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}


async def add_account(
    engine: AsyncEngine, customer_id: str, owner: str | None, mrr: float, nps: float
) -> None:
    """A customer of a year that pays, and answered in February."""
    key = await add_customer(engine, customer_id, owner=owner)
    async with engine.begin() as conn:
        began = to_us(AT - timedelta(days=365))
        await conn.execute(
            text("insert into ledger_customers values (:key, :us)"), {"key": key, "us": began}
        )
        for us, kind, value in ((began, RENEWED, mrr), (to_us(AT - timedelta(days=9)), NPS, nps)):
            await conn.execute(
                text(
                    "insert into ledger (customer_key, occurred_us, partition, sequence, kind,"
                    " value) values (:key, :us, 0, 0, :kind, :value)"
                ),
                {"key": key, "us": us, "kind": kind, "value": value},
            )


async def test_the_answer_is_as_described_and_groups_are_in_order(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for customer, owner in (("a", "lee"), ("b", "kim"), ("c", None), ("d", "kim")):
        await add_account(engine, customer, owner, 100, 9)
    answer = await api.get("/v1/portfolio", params=PERIOD | {"by": "owner"})

    found = Portfolio.model_validate(answer.json())
    assert [part.group for part in found.items] == ["kim", "lee", None]
    assert [part.customers_at_start for part in found.items] == [2, 1, 1]
    assert (found.total.mrr_at_end, found.total.nps.value, found.total.nrr.change) == (400, 100, 0)
    assert answer.json()["from"] == PERIOD["from"]


async def test_a_table_runs_no_formula_that_somebody_wrote_as_a_name(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for customer, owner in (("a", "=cmd|' /C calc'!A0"), ("b", "@x"), ("c", 'kim, "the" first')):
        await add_account(engine, customer, owner, 100, 0)
    answer = await api.get(
        "/v1/portfolio", params=PERIOD | {"by": "owner"}, headers={"accept": "text/csv"}
    )

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["group"] for row in table] == [
        "(all)",
        "'=cmd|' /C calc'!A0",
        "'@x",
        'kim, "the" first',
    ]
    assert table[0]["nps"] == "-100.0"
    assert table[0]["csat"] == ""


async def test_a_period_that_cannot_be_is_refused(api: httpx.AsyncClient) -> None:
    for said, pointer in (
        ({"from": "2026-03-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, "/query/from"),
        ({"to": "2199-01-01T00:00:00Z"}, "/query/to"),
        ({"by": "colour"}, "/query/by"),
        ({"from": "2026-02-01"}, "/query/from"),
    ):
        answer = await api.get("/v1/portfolio", params=said)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_an_empty_house_has_no_figures(api: httpx.AsyncClient) -> None:
    found = Portfolio.model_validate((await api.get("/v1/portfolio")).json())
    assert (found.total.customers_at_start, found.total.retention_rate.value, found.items) == (
        0,
        None,
        [],
    )
