"""Rules of words: the kinds of pages by scorecards published before rules of URL patterns."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire.pages.former_rules import FORMER_RULES
from healthsvc.wire.pages.rules import KINDS, MAX_RULES, OTHER, REMEMBERED, PageRules
from healthsvc.wire.pages.word_rules import MAX_PATTERNS

RULES = PageRules()


def kind(rules: PageRules, url: str) -> str:
    return rules.kind_of(url) or OTHER


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://app.example.com/account/cancel", "cancel"),
        ("https://app.example.com/Account/CANCEL?step=2#top", "cancel"),
        ("https://app.example.com/billing/cancel-subscription", "cancel"),
        ("https://app.example.com/settings/close_account.html", "cancel"),
        ("https://app.example.com/#/settings/delete-account", "cancel"),
        ("https://app.example.com/#!/cancel", "cancel"),
        ("https://example.de/konto/k%C3%BCndigen", "cancel"),
        ("https://example.de/konto/kündigung", "cancel"),
        ("https://example.de/konto/kuendigen", "cancel"),
        ("https://example.com.br/conta/cancelamento", "cancel"),
        ("https://example.es/cuenta/darse-de-baja", "cancel"),
        ("https://example.fr/compte/r%C3%A9siliation", "cancel"),
        ("https://example.com/pricing", "pricing"),
        ("https://example.com/plans/compare", "pricing"),
        ("https://example.de/preise", "pricing"),
        ("https://example.com.br/pre%C3%A7os", "pricing"),
        ("https://example.es/precios", "pricing"),
        ("https://example.fr/tarifs", "pricing"),
        ("https://example.com/help/export", "support"),
        ("https://help.example.com/export", "support"),
        ("//support.example.com", "support"),
        ("https://example.de/hilfe", "support"),
        ("https://example.com.br/ajuda", "support"),
        ("https://example.es/ayuda", "support"),
        ("https://example.fr/aide", "support"),
        ("https://docs.example.com/export", "spec"),
        ("https://example.com/features/export", "spec"),
        ("https://example.de/funktionen", "spec"),
        ("https://example.fr/fonctionnalit%C3%A9s", "spec"),
        ("https://example.com/settings/billing", "billing"),
        ("https://example.de/rechnungen/4711", "billing"),
        ("https://example.es/facturación", "billing"),
        ("https://example.com/sign-in", "login"),
        ("https://login.example.com/", "login"),
        ("https://example.de/anmelden", "login"),
        ("/account/cancel", "cancel"),
        ("example.com/account/cancel", "cancel"),
        ("https://user:pass@help.example.com:8443/", "support"),
        ("https://example.com/reports/weekly", "other"),
        ("https://example.com/cancelled-orders", "other"),
        ("https://example.com/search?q=cancel", "other"),
        ("https://example.com?next=https://example.com/cancel", "other"),
        ("https://example.com/login?next=/cancel", "login"),
        ("https://example.com/page#cancel", "other"),
        ("https://helpful.example.com/", "other"),
        ("https://help.com/", "other"),
        ("mailto:cancel@example.com", "other"),
        ("javascript:cancel()", "other"),
        ("http://[not-an-address", "other"),
        ("https://example.com/%ff%fe/cancel", "cancel"),
        ("", "other"),
        ("   ", "other"),
        ("%%%", "other"),
    ],
)
def test_the_former_lists_keep_their_kinds(url: str, expected: str) -> None:
    assert kind(RULES, url) == expected


@given(st.text())
def test_any_text_has_a_kind(url: str) -> None:
    assert kind(RULES, url) in KINDS


def test_the_first_rule_that_matches_wins() -> None:
    rules = [
        {"kind": "support", "words": ["plan"]},
        {"kind": "pricing", "words": ["plan", "price"]},
    ]

    assert kind(PageRules(rules), "/price/plan") == "support"
    assert kind(PageRules(rules[::-1]), "/price/plan") == "pricing"


def test_words_of_a_pattern_must_stand_next_to_each_other() -> None:
    rules = PageRules([{"kind": "cancel", "words": ["close account"]}])

    assert kind(rules, "/my/close-account") == "cancel"
    assert kind(rules, "/close/account") == "cancel"
    assert kind(rules, "/close/my/account") == "other"
    assert kind(rules, "/account/close") == "other"
    assert kind(rules, "/close") == "other"


def test_a_star_takes_any_ending() -> None:
    rules = PageRules([{"kind": "cancel", "words": ["cancel*", "end my sub*"]}])

    assert kind(rules, "/cancelled") == "cancel"
    assert kind(rules, "/end-my-subscription") == "cancel"
    assert kind(rules, "/end-my-day") == "other"


def test_patterns_are_folded_as_urls_are() -> None:
    assert (
        kind(PageRules([{"kind": "pricing", "words": ["Größen & Preise"]}]), "/GROSSEN-preise")
        == "pricing"
    )


def test_a_team_without_rules_has_only_other_pages() -> None:
    assert kind(PageRules([]), "/cancel") == "other"


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ("cancel", "/page_kinds"),
        ([5], "/page_kinds/0"),
        ([{"kind": "checkout"}], "/page_kinds/0/kind"),
        ([{"kind": "cancel", "regex": ["(a+)+$"]}], "/page_kinds/0"),
        ([{"kind": "cancel", "words": "cancel"}], "/page_kinds/0/words"),
        ([{"kind": "cancel", "words": ["ok", ""]}], "/page_kinds/0/words/1"),
        ([{"kind": "cancel", "words": ["*"]}], "/page_kinds/0/words/0"),
        ([{"kind": "cancel", "words": ["a*b"]}], "/page_kinds/0/words/0"),
        ([{"kind": "cancel", "words": ["x" * 101]}], "/page_kinds/0/words/0"),
        ([{"kind": "cancel", "words": ["x"] * (MAX_PATTERNS + 1)}], "/page_kinds/0/words"),
        ([{"kind": "cancel", "hosts": [1]}], "/page_kinds/0/hosts/0"),
        ([{"kind": "cancel"}] * (MAX_RULES + 1), "/page_kinds"),
    ],
)
def test_rules_that_cannot_be_used_say_where(rules: Any, path: str) -> None:
    with pytest.raises(ScorecardError) as caught:
        PageRules(rules)

    assert caught.value.path == path


def test_the_former_rules_are_plain_data_for_every_kind() -> None:
    assert {rule["kind"] for rule in FORMER_RULES} == set(KINDS) - {"other"}


def test_a_long_url_costs_no_more_than_its_length() -> None:
    rules = PageRules(
        [{"kind": "cancel", "words": ["a " * 40 + "b", *["a" * n + "*" for n in range(1, 90)]]}]
    )
    started = time.thread_time()

    kind(rules, "https://example.com/" + "a-" * 500_000)

    assert time.thread_time() - started < 5


def test_the_memory_of_urls_is_bounded() -> None:
    rules = PageRules()

    for number in range(REMEMBERED + 10):
        kind(rules, f"/{number}")

    assert len(rules._memory) <= REMEMBERED
