import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from healthsvc.core.instants import to_us
from healthsvc.core.portfolio.entries import CANCELLED, RENEWED
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.rest.portfolio_series import PortfolioSeries
from tests.api.rows import add_customer

PATH = "/v1/portfolio/series"
FEBRUARY = {"from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}


def day(number: int, month: int = 2) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


async def add_account(
    engine: AsyncEngine,
    customer_id: str,
    mrr: float,
    decided: list[tuple[datetime, str | None, float | None]],
    leaves_at: datetime | None = None,
    **changes: Any,
) -> None:
    """A customer since January that pays, and what was decided about it."""
    key = await add_customer(engine, customer_id, **changes)
    told = [(to_us(day(2, 1)), RENEWED, mrr)]
    told += [] if leaves_at is None else [(to_us(leaves_at), CANCELLED, None)]
    async with engine.begin() as conn:
        await conn.execute(
            text("insert into ledger_customers values (:key, :us)"),
            {"key": key, "us": to_us(day(1, 1))},
        )
        for us, kind, value in told:
            await conn.execute(
                text(
                    "insert into ledger (customer_key, occurred_us, partition, sequence, kind,"
                    " value) values (:key, :us, 0, 0, :kind, :value)"
                ),
                {"key": key, "us": us, "kind": kind, "value": value},
            )
        for at, band, score in decided:
            await conn.execute(
                text(
                    "insert into history (projection, customer_key, decided_at, score, band, flags,"
                    " cause, scorecard_version) values (1, :key, :at, :score, :band, '{}',"
                    " 'events', 1)"
                ),
                {"key": key, "at": at, "band": band, "score": score},
            )


async def test_each_step_tells_customers_revenue_and_bands_as_they_were(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    sinks = [
        (day(20, 1), "healthy", 90.0),
        (day(10), "at_risk", 40.0),
        (day(10), "critical", 20.0),
        (day(20), "healthy", 80.0),
    ]
    await add_account(engine, "sinks", 100.0, sinks, owner="ana")
    await add_account(engine, "goes", 30.0, [(day(3), "watch", 60.0)], day(12), owner="ana")
    await add_account(engine, "new", 5.0, [(day(17), None, None)], owner="kim")

    answer = await api.get(PATH, params=FEBRUARY | {"step": "week", "by": "owner"})

    series = PortfolioSeries.model_validate(answer.json())
    assert series.bands == ["healthy", "watch", "at_risk", "critical"]
    ends = [f"{step.end:%m-%d}" for step in series.items]
    assert ends == ["02-02", "02-09", "02-16", "02-23", "03-01"]
    totals = [step.total for step in series.items]
    assert [point.customers for point in totals] == [3, 3, 2, 2, 2]
    assert [point.mrr for point in totals] == [135, 135, 105, 105, 105]
    assert [point.mrr_at_risk for point in totals] == [0, 0, 100, 0, 0]
    assert [(point.lost, point.mrr_lost) for point in totals][2] == (1, 30)
    assert [point.score for point in totals] == [90, 75, 20, 80, 80]
    assert totals[1].bands == {"healthy": 1, "watch": 1, "at_risk": 0, "critical": 0}
    assert [point.without_band for point in totals] == [2, 1, 1, 1, 1]
    ana, kim = series.items[2].groups
    assert (ana.group, ana.customers, ana.lost, ana.mrr_at_risk) == ("ana", 1, 1, 100)
    assert (kim.group, kim.customers, kim.bands, kim.mrr_at_risk) == ("kim", 1, None, None)


async def test_the_series_is_a_table_for_spreadsheets(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_account(engine, "a", 100.0, [(day(3), "watch", 60.0)], owner="=kim")
    await add_account(engine, "b", 50.0, [], owner=None)
    asked = FEBRUARY | {"step": "month", "by": "owner"}

    table = await api.get(PATH, params=asked, headers={"accept": "text/csv"})
    lines = await api.get(PATH, params=asked | {"format": "ndjson"})

    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["group"], row["mrr"]) for row in rows] == [
        ("(all)", "150.0"),
        ("'=kim", "100.0"),
        ("(none)", "50.0"),
    ]
    assert [row["bands.watch"] for row in rows] == ["1", "1", ""]
    assert [json.loads(line)["group"] for line in lines.text.splitlines()] == [
        *("(all)", "=kim", "(none)")
    ]


async def test_what_lies_before_events_were_kept_has_no_figures(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_account(engine, "a", 100.0, [(day(20, 1), "healthy", 90.0)])
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into ledger_marks (partition, sequence, read_on, missing_until)"
                " values (0, 0, '2026-02-04', '2026-02-04')"
            )
        )

    answer = (await api.get(PATH, params=FEBRUARY | {"step": "week"})).json()

    first, second, third, *_ = [step["total"] for step in answer["items"]]
    assert (first["customers"], first["bands"], first["without_band"]) == (None, None, None)
    assert (second["customers"], second["lost"]) == (1, None)
    assert (third["customers"], third["lost"]) == (1, 0)
    assert answer["kept_from"] == "2026-02-04T00:00:00Z"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "2026-03-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, "/query/from"),
        ({"to": "2199-01-01T00:00:00Z"}, "/query/to"),
        ({"from": "2020-01-01T00:00:00Z"}, "/query/from"),
        ({"step": "hour"}, "/query/step"),
        ({"by": "colour"}, "/query/by"),
        ({"form": "2026-02-01T00:00:00Z"}, "/query/form"),
    ],
)
async def test_a_series_that_cannot_be_is_refused(
    api: httpx.AsyncClient, query: dict[str, str], pointer: str
) -> None:
    answer = await api.get(PATH, params=query)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
