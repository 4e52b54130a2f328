"""What pages show, in both languages, and that nothing of an event becomes markup or script."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from healthsvc.pages import charts, formats
from healthsvc.pages.texts import EN, PT
from healthsvc.store.customers.history import Decision
from healthsvc.store.database.engine import AsyncEngine
from tests.api.rows import add_customer
from tests.pages.test_signing_in import sign_in

TEMPLATES = Path(charts.__file__).parent / "templates"
SAME_IN_BOTH = {"mrr", "sort.mrr", "tier.high", "tier.low", "tier.tech"}
BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 12, 1, 8, 5, tzinfo=UTC)


def test_both_languages_have_the_same_texts() -> None:
    assert EN.keys() == PT.keys()
    assert {key for key in EN if EN[key] == PT[key]} == SAME_IN_BOTH


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_no_template_carries_words_of_its_own(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    source = re.sub(r"<(pre|symbol)\b.*?</\1>|{%.*?%}|{{.*?}}", "", source, flags=re.DOTALL)
    words = re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]*>", " ", source))

    assert set(words) <= {"healthsvc", "ID", "English", "Português", "Brasil"}


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_no_template_needs_inline_styles_or_scripts(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert re.findall(r"\bstyle=|\bon\w+=|<style|<script(?! src=)|javascript:", source) == []


@pytest.mark.parametrize("path", ["/login", "/customers"])
async def test_a_page_allows_no_inline_script_and_no_other_host(
    browser: httpx.AsyncClient, path: str
) -> None:
    await sign_in(browser)
    answer = await browser.get(path)

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"


async def test_before_the_first_customer_the_day_says_how_to_get_one(
    browser: httpx.AsyncClient,
) -> None:
    await sign_in(browser)

    page = (await browser.get("/today")).text

    assert "No events yet" in page
    assert "http://api/v1/events" in page


async def test_customers_are_listed_by_the_filters(
    browser: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_customer(engine, "acme", band="critical", flags=["cancel_intent"])
    await add_customer(engine, "globex")
    await sign_in(browser)

    page = (await browser.get("/customers?band=critical&q=acm&sort=name")).text

    assert 'href="/customers/acme"' in page
    assert "globex" not in page


async def test_the_list_goes_on_for_more_than_a_page(
    browser: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number in range(51):
        await add_customer(engine, f"c{number:02}")
    await sign_in(browser)
    first = (await browser.get("/customers?sort=customer_id")).text
    match = re.search(r'href="(/customers\?[^"]*cursor=[^"]*)"', first)
    assert match is not None

    second = (await browser.get(match[1].replace("&amp;", "&"))).text

    assert "/customers/c49" in first
    assert "/customers/c50" not in first
    assert "/customers/c50" in second


async def test_a_broken_cursor_leads_to_the_first_page(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)

    answer = await browser.get("/customers?cursor=x&band=watch")

    assert answer.headers["location"] == "/customers?band=watch&sort=risk"


async def test_a_script_in_a_name_is_shown_as_text(
    browser: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    script = "<script>alert(1)</script>\"'"
    await add_customer(engine, "x/y", name=script, owner=script, segment=script, flags=[script])
    await sign_in(browser)

    page = (await browser.get("/customers")).text

    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 4
    assert 'href="/customers/x%2Fy"' in page


async def test_a_language_that_was_chosen_stays(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    await browser.get("/customers?lang=pt-BR")

    answer = await browser.get("/customers")

    assert '<html lang="pt-BR">' in answer.text
    assert answer.headers["content-language"] == "pt-BR"
    assert "Aplicar filtros" in (await browser.get("/customers?band=watch")).text


@pytest.mark.parametrize("customer_id", ["nobody", "%00", "x" * 600])
async def test_an_unknown_customer_is_a_page_that_says_so(
    browser: httpx.AsyncClient, customer_id: str
) -> None:
    await sign_in(browser)

    answer = await browser.get(f"/customers/{customer_id}")

    assert answer.status_code == 404
    assert "There is no such customer." in answer.text


@pytest.mark.parametrize(
    ("language", "date", "points"),
    [
        ("en", "1 Dec 2026 · 09:05 CET", "−1,234.5"),
        ("pt", "1 de dez. de 2026 · 09:05 CET", "−1.234,5"),
    ],
)
def test_dates_and_numbers_follow_the_language(language: str, date: str, points: str) -> None:
    assert formats.instant(language, AT, BERLIN) == date
    assert formats.signed(language, -1234.5) == points
    assert formats.number(language, None) == "—"


def test_a_plot_has_a_gap_where_evidence_was_missing() -> None:
    def decision(hour: int, score: float | None) -> Decision:
        return Decision(
            decided_at=AT.replace(hour=hour),
            score=score,
            risk=None,
            band=None,
            flags=(),
            cause="events",
            scorecard_version=1,
            row=hour,
        )

    plot = charts.score_plot(
        [decision(3, 50.0), decision(2, None), decision(1, 100.0)], AT.replace(hour=4)
    )

    assert plot is not None
    assert plot.traces == ("0.0,0.0 240.0,0.0", "480.0,100.0 720.0,100.0")
