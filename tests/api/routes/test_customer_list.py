"""The list of customers as pollers and spreadsheets ask for it."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.rest.customers.customer_list import COLUMNS, Standings
from tests.api.rows import AT, add_alert, add_customer


async def found(api: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await api.get("/v1/customers", params=query)
    assert answer.status_code == 200, answer.text
    return [item["customer_id"] for item in answer.json()["items"]]


@pytest.fixture
async def portfolio(engine: AsyncEngine) -> None:
    """Four customers whose money and dates differ."""
    for name, mrr, days, score in (
        ("a", 4900.0, 10, 20.0),
        ("b", 900.0, 70, 45.0),
        ("c", 100.0, 400, 80.0),
        ("d", None, None, None),
    ):
        await add_customer(
            engine,
            name,
            mrr=mrr,
            currency=None if mrr is None else "EUR",
            renewal_at=None if days is None else AT + timedelta(days=days),
            score=score,
            band=None if score is None else "watch",
            band_since=None if score is None else AT - timedelta(days=score),
            stage="renewal" if days == 10 else "adoption",
        )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"renewal_before": "2026-05-30T12:00:00Z", "sort": "renewal_at"}, ["a", "b"]),
        ({"renewal_from": "2026-03-11T12:00:00.000001Z", "sort": "renewal_at"}, ["b", "c"]),
        ({"mrr_from": 900, "sort": "mrr"}, ["a", "b"]),
        ({"mrr_below": 900}, ["c"]),
        ({"mrr_from": 900, "sort": "-mrr"}, ["b", "a"]),
        ({"score_below": 45, "sort": "score"}, ["a"]),
        ({"score_min": 45, "sort": "-score"}, ["c", "b"]),
        ({"band_since_before": "2026-01-20T00:00:00Z"}, ["b", "c"]),
        ({"band_since_from": "2026-01-20T00:00:00Z"}, ["a"]),
        ({"currency": "eur", "stage": "renewal"}, ["a"]),
        ({"currency": "USD"}, []),
    ],
)
async def test_customers_are_found_by_money_dates_and_score(
    api: httpx.AsyncClient, portfolio: None, query: dict[str, Any], expected: list[str]
) -> None:
    answer = await found(api, **query)

    assert (answer if "sort" in query else sorted(answer)) == expected


@pytest.mark.parametrize("q", ["jose", "JOSÉ", "padaria", "P-1", "100%", "Padaria_"])
async def test_a_search_looks_in_names_and_ids_whatever_the_case_and_the_accents(
    api: httpx.AsyncClient, engine: AsyncEngine, q: str
) -> None:
    await add_customer(engine, "p-1", name="Padaria José & 100% Padaria_Ltda")
    await add_customer(engine, "x", name="Padare Jesé 1000 Padari-Ltda")

    assert await found(api, q=q) == ["p-1"]


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/alerts", "/v1/worklist"])
async def test_letters_outside_of_ascii_may_stand_in_any_query(
    api: httpx.AsyncClient, path: str
) -> None:
    assert (await api.get(f"{path}?owner=Jos%C3%A9")).status_code == 200
    assert (await api.get(f"{path}?owner=Jos%E9")).status_code in (200, 422)


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ({"band": "at-risk"}, "/query/band", "did you mean at_risk?"),
        ({"flag": "silence"}, "/query/flag", "did you mean silent?"),
        ({"flag": "silent,zzz"}, "/query/flag", "there is no 'zzz'"),
        ({"tier": "hihg"}, "/query/tier", "did you mean high?"),
        ({"stage": "renewals"}, "/query/stage", "did you mean renewal?"),
        ({"sort": "-rsik"}, "/query/sort", "did you mean risk?"),
        ({"fields": "scroe"}, "/query/fields", "did you mean score?"),
    ],
)
async def test_a_name_that_is_not_known_is_refused_with_the_nearest(
    api: httpx.AsyncClient, query: dict[str, str], pointer: str, detail: str
) -> None:
    answer = await api.get("/v1/customers", params=query)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]


async def test_up_to_250_customers_are_read_at_once(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    names = [f"c{n}" for n in range(251)]
    await add_customer(engine, "c7")

    assert await found(api, ids=names[:250]) == ["c7"]
    assert (await api.get("/v1/customers", params={"ids": names})).status_code == 422


async def test_a_row_says_the_worst_flag_in_words_of_the_readers_language(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_customer(engine, "a", flags=["silent", "cancel_intent", "loyal"])
    await add_customer(engine, "b", flags=["loyal"], risk=0.1)

    english = (await api.get("/v1/customers")).json()
    portuguese = (await api.get("/v1/customers", headers={"accept-language": "pt-BR"})).json()

    assert Standings.model_validate(english).items[0].reason == "Visited the cancellation page"
    assert portuguese["items"][0]["reason"] == "Visitou a página de cancelamento"
    assert english["items"][1]["reason"] is None


async def test_fields_leave_only_what_was_asked(api: httpx.AsyncClient, portfolio: None) -> None:
    answer = (
        await api.get("/v1/customers", params={"fields": "customer_id,mrr", "limit": 1})
    ).json()

    assert answer["items"] == [{"customer_id": "a", "mrr": 4900.0}]
    assert answer["next_cursor"] is not None


async def test_csv_is_the_whole_list_and_no_cell_is_a_formula(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number in range(260):
        name = "=1+1" if number == 3 else f"Ä, {number}"
        await add_customer(engine, f"c{number:03}", name=name, renewal_at=AT)

    answer = await api.get(
        "/v1/customers", params={"sort": "customer_id"}, headers={"accept": "text/csv"}
    )

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "customers.csv" in answer.headers["content-disposition"]
    head, *rows = list(csv.reader(io.StringIO(answer.text)))
    assert head == list(COLUMNS)
    assert [row[0] for row in rows] == [f"c{number:03}" for number in range(260)]
    assert rows[3][1] == "'=1+1"
    assert rows[4][1] == "Ä, 4"
    assert rows[4][head.index("renewal_at")] == "2026-03-01T12:00:00Z"


async def test_ndjson_is_a_customer_a_line_and_a_limit_makes_it_one_page(
    api: httpx.AsyncClient, portfolio: None
) -> None:
    whole = await api.get("/v1/customers", headers={"accept": "application/x-ndjson"})
    some = await api.get(
        "/v1/customers", params={"format": "ndjson", "limit": 2, "fields": "customer_id"}
    )

    assert len(whole.text.splitlines()) == 4
    listed = (await api.get("/v1/customers")).json()["items"]
    assert [json.loads(line) for line in whole.text.splitlines()] == listed
    assert len(some.text.splitlines()) == 2


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/csv;q=0.5, application/json", "application/json"),
        ("application/json;q=0.2, text/csv", "text/csv; charset=utf-8"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=x", "application/json"),
    ],
)
async def test_accept_is_weighed(
    api: httpx.AsyncClient, portfolio: None, accept: str, media_type: str
) -> None:
    answer = await api.get("/v1/customers", headers={"accept": accept})

    assert answer.headers["content-type"] == media_type


async def test_what_is_wrong_with_a_file_is_told_before_it_begins(
    api: httpx.AsyncClient, portfolio: None
) -> None:
    answer = await api.get("/v1/customers", params={"format": "csv", "cursor": "nonsense"})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-cursor"


async def test_alerts_the_worklist_and_the_portfolio_are_files_as_well(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number in range(3):
        await add_alert(engine, f"al_{number}", summary="-2 seats, says Kim")

    for path, first in (
        ("/v1/alerts", "al_2"),
        ("/v1/worklist", None),
        ("/v1/portfolio", "2026-"),
    ):
        table = await api.get(path, headers={"accept": "text/csv"})
        lines = await api.get(path, params={"format": "ndjson"})

        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.reader(io.StringIO(table.text)))
        assert len(rows) == len(lines.text.splitlines()) + 1
        if first is not None:
            assert rows[1][0].startswith(first)
            assert all(json.loads(line) for line in lines.text.splitlines())
    alerts = (await api.get("/v1/alerts", params={"format": "csv"})).text
    assert alerts.count("'-2 seats") == 3


async def test_fields_are_the_columns_of_alerts_as_a_file(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1", detail='{"score": 41.5}')
    asked = {"fields": "id,detail.score"}

    page = (await api.get("/v1/alerts", params=asked)).json()
    table = (await api.get("/v1/alerts", params=asked | {"format": "csv"})).text
    line = (await api.get("/v1/alerts", params=asked | {"format": "ndjson"})).json()

    assert page["items"] == [{"id": "al_1", "detail": {"score": 41.5}}]
    assert table.splitlines() == ["id,detail.score", "al_1,41.5"]
    assert line == page["items"][0]
