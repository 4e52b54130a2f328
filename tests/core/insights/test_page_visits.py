"""A support or specification page says that help is wanted, and with which function."""

import json
from typing import Any

import pytest

from healthsvc.core.insights.page_visits import Concern, concerns
from healthsvc.core.phrases import insights
from healthsvc.wire.events.page_visits import function_of, sights
from healthsvc.wire.scorecards.document import compile_document
from tests.core.folded import at, us

ADDRESSES: list[tuple[str, str | None]] = [
    ("https://x.test/help/articles/4211-csv-export", "csv export"),
    ("https://x.test/docs/api/v2/webhooks?page=2#top", "webhooks"),
    ("https://help.x.test/hc/en/articles/360012345678", None),
    ("/support", None),
    ("/ajuda/artigos/relat%C3%B3rios", "relatórios"),
    ("https://x.test/docs/reports/index.html", "reports"),
    ("https://x.test", None),
    ("", None),
]


@pytest.mark.parametrize(
    ("url", "function"), ADDRESSES, ids=[url or "nothing" for url, _ in ADDRESSES]
)
def test_the_address_of_a_page_tells_the_function_where_it_says_one(
    url: str, function: str | None
) -> None:
    assert function_of(url) == function


def event(number: int, type: str, days: float, **data: Any) -> str:
    envelope = {"id": f"e{number}", "source": "web", "customer_id": "acme", "occurred_at": at(days)}
    return json.dumps({**envelope, "type": type, "data": data})


def wanted(*events: str) -> list[Concern]:
    return concerns(sights(events, compile_document("").program.kind_of_view))


def test_the_function_most_looked_for_comes_first_with_its_newest_page() -> None:
    found = wanted(
        event(1, "page.viewed", 1, url="https://x.test/help/roles"),
        event(2, "page.viewed", 2, url="https://x.test/docs/export"),
        event(3, "page.viewed", 3, url="https://x.test/help/export"),
    )
    assert [(c.function, len(c.sights), c.sights[0].us) for c in found] == [
        ("export", 2, us(3)),
        ("roles", 1, us(1)),
    ]


def test_what_the_sender_names_goes_before_the_address() -> None:
    assert [
        c.function for c in wanted(event(1, "page.viewed", 1, url="/help/faq-17", feature="export"))
    ] == ["export"]


def test_a_ticket_says_which_function_as_well() -> None:
    assert [
        c.function for c in wanted(event(1, "ticket.opened", 1, ticket_id="1", feature="export"))
    ] == ["export"]


def test_other_pages_ask_for_no_help() -> None:
    assert (
        wanted(
            event(1, "page.viewed", 1, url="/pricing/enterprise"), event(2, "session.started", 1)
        )
        == []
    )


def test_a_page_that_names_no_function_is_asked_about_not_guessed() -> None:
    found = wanted(event(1, "page.viewed", 1, url="/support"))
    assert found == []
    assert "don't say with which feature" in insights.help_wanted("en", "Acme", found)
    assert "Pergunte" in insights.help_wanted("pt", "Acme", found)
