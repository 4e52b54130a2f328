"""Which rule decides the kind of a page, and rules for pages that none knows."""

import json

import httpx
from sqlalchemy import text

from healthsvc.core.instants import to_us
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.rest.pages import PageMatches, PageSuggestions
from tests.api.rows import AT, add_customer
from tests.support.makers import make_event


async def test_each_address_is_answered_with_its_kind_and_rule(api: httpx.AsyncClient) -> None:
    urls = ["https://x.test/account/cancel", "/orders/7/cancel", "https://x.test/pricing"]
    answer = await api.get("/v1/pages/test", params={"url": urls})

    matches = PageMatches.model_validate(answer.json()).items
    assert [m.url for m in matches] == urls
    assert [m.kind for m in matches] == ["cancel", "other", "pricing"]
    assert matches[0].rule is not None
    assert matches[0].rule.startswith("/page_kinds/")
    assert (matches[1].rule, matches[1].paths) == (None, ["/orders/0/cancel"])


async def test_a_title_decides_where_no_rule_knows_the_address(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/pages/test", params={"url": "/", "title": "Konto löschen – X"})

    assert answer.json()["items"][0]["kind"] == "cancel"


async def test_without_an_address_the_question_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/pages/test")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/url"


async def test_frequent_pages_of_the_archive_that_no_rule_knows_come_with_a_rule(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "acme")
    urls = ["/board/1", "/board/2", "/pricing"]
    events = [make_event(data={"url": f"https://x.test{url}"}) for url in urls]
    async with engine.begin() as conn:
        await conn.execute(text("create table archive_all partition of archive default"))
        for n, event in enumerate([*events, make_event(type="session.started")]):
            await conn.execute(
                text(
                    "insert into archive (logged_on, customer_key, occurred_us, partition, sequence, event)"
                    " values (current_date, :key, :us, 0, :n, :event)"
                ),
                {"key": key, "us": to_us(AT), "n": n, "event": json.dumps(event)},
            )

    answer = PageSuggestions.model_validate((await api.get("/v1/pages/suggestions")).json())

    assert (answer.views, answer.unknown) == (3, 2)
    assert [(s.kind, s.pattern, s.views) for s in answer.items] == [("other", "/board/:id", 2)]
