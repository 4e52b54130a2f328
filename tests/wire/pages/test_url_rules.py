"""Rules of URL patterns: what they are matched with, what a rule needs to fit, what is refused."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire.pages import literals
from healthsvc.wire.pages.addresses import parse, simplify, title_parts
from healthsvc.wire.pages.rules import KINDS, REMEMBERED, PageRules
from healthsvc.wire.pages.url_rules import MAX_PATTERN_LENGTH, MAX_PATTERNS
from healthsvc.wire.scorecards.document import compile_document

DEFAULT = compile_document("").pages


def rules(*patterns: str, kind: str = "cancel", **others: list[str]) -> PageRules:
    paths = {"pathname": list(patterns)} if patterns else {}
    return PageRules([{"kind": kind, **paths, **others}])


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://x.test/Account/CANCEL/", "/account/cancel"),
        ("https://x.test/pt-BR/Conta/ExcluirConta", "/conta/excluir-conta"),
        ("https://x.test/us/en/account", "/account"),
        ("https://x.test/konto/K%C3%BCndigung.html", "/konto/kundigung"),
        ("https://x.test/close_account.aspx", "/close-account"),
        ("https://x.test/a/index.php", "/a"),
        ("https://x.test/orders/4711/edit", "/orders/0/edit"),
        ("https://x.test/u/7f9c2ba4e88f827d616045507605853e", "/u/0"),
        ("https://x.test//double//slash", "/double/slash"),
        ("https://x.test", "/"),
        ("x.test/a", "/a"),
        ("/a", "/a"),
    ],
)
def test_paths_are_simplified(url: str, path: str) -> None:
    assert parse(url).paths[0] == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://x.test/#/settings/close", "/settings/close"),
        ("https://x.test/app#!/settings/close?x=1", "/settings/close"),
        ("https://x.test/account/#delete", "/account/delete"),
        ("https://x.test/index.php?route=account/cancel", "/account/cancel"),
        ("https://x.test/index.php?go=account&do=cancel&x=1", "/account/cancel"),
        ("https://x.test/account?action=closeAccount", "/account/close-account"),
        ("https://x.test/account?cancel", "/account/cancel"),
    ],
)
def test_routers_within_query_and_fragment_are_paths_too(url: str, path: str) -> None:
    assert path in parse(url).paths


@pytest.mark.parametrize(
    "url",
    [
        "https://x.test/login?next=/account/cancel",
        "https://x.test/search?q=cancel",
        "https://x.test/account?page=2",
        "https://x.test/account#:~:text=cancel",
        "mailto:cancel@x.test",
    ],
)
def test_what_only_mentions_another_page_adds_no_path(url: str) -> None:
    assert len(parse(url).paths) <= 1


def test_a_title_is_matched_part_by_part() -> None:
    assert title_parts("Kündigung bestätigen – Acme Inc") == (
        "/kundigung-bestatigen",
        "/acme-inc",
    )


def test_patterns_are_anchored_at_both_ends() -> None:
    page_rules = rules("/account/cancel")

    assert page_rules.kind_of("https://x.test/account/cancel") == "cancel"
    assert page_rules.kind_of("https://x.test/account/cancel/order") is None
    assert page_rules.kind_of("https://x.test/my/account/cancel") is None


def test_groups_names_and_wildcards_follow_the_standard() -> None:
    page_rules = rules("{/org/:slug}?/(account|plan)/cancel{/*}?")

    assert page_rules.kind_of("https://x.test/plan/cancel") == "cancel"
    assert page_rules.kind_of("https://x.test/org/acme/account/cancel/why") == "cancel"
    assert page_rules.kind_of("https://x.test/org/account/cancel") is None


def test_a_rule_needs_a_fitting_pattern_in_each_of_its_lists() -> None:
    page_rules = rules("/close", hostname=["account.*"])

    assert page_rules.kind_of("https://account.x.test/close") == "cancel"
    assert page_rules.kind_of("https://shop.x.test/close") is None
    assert page_rules.kind_of("/close") is None


def test_query_and_fragment_have_patterns_of_their_own() -> None:
    assert rules(search=["*step=bye*"]).kind_of("https://x.test/a?step=Bye") == "cancel"
    assert rules(hash=["leave"]).kind_of("https://x.test/a#leave") == "cancel"


def test_titles_can_be_bound_to_a_host() -> None:
    page_rules = rules(hostname=["app.*"], title=["/close-account"])

    assert page_rules.kind_of("https://app.x.test/", "Close account") == "cancel"
    assert page_rules.kind_of("https://www.x.test/", "Close account") is None


def test_the_first_rule_that_fits_decides_and_is_named() -> None:
    page_rules = PageRules(
        [
            {"kind": "other", "pathname": ["/blog/*"]},
            {"kind": "cancel", "pathname": ["/x", "{/*}?/cancel"]},
        ]
    )

    match = page_rules.match("https://x.test/a/cancel")

    assert match is not None
    assert (match.kind, match.rule, match.pattern) == (
        "cancel",
        "/page_kinds/1/pathname/1",
        "{/*}?/cancel",
    )
    assert page_rules.kind_of("https://x.test/blog/cancel") == "other"


def test_words_and_patterns_can_follow_each_other() -> None:
    page_rules = PageRules(
        [
            {"kind": "support", "words": ["help"]},
            {"kind": "pricing", "pathname": ["/:any/prices"]},
            {"kind": "billing", "words": ["prices"]},
        ]
    )

    assert page_rules.kind_of("https://x.test/help/prices") == "support"
    assert page_rules.kind_of("https://x.test/a/prices") == "pricing"
    assert page_rules.kind_of("https://x.test/a/b/prices") == "billing"


@pytest.mark.parametrize(
    ("rule", "path", "detail"),
    [
        ({"pathname": "/a"}, "/page_kinds/0/pathname", "must be a list"),
        ({"pathname": ["a"]}, "/page_kinds/0/pathname/0", "must start with /"),
        ({"pathname": ["/(("]}, "/page_kinds/0/pathname/0", "isn't a URL pattern"),
        ({"pathname": ["/kündigen"]}, "/page_kinds/0/pathname/0", "so write kundigen"),
        ({"pathname": ["/deleteAccount"]}, "/page_kinds/0/pathname/0", "so write delete-account"),
        ({"pathname": ["/close_account"]}, "/page_kinds/0/pathname/0", "so write close-account"),
        (
            {"pathname": ["/" + "a" * MAX_PATTERN_LENGTH]},
            "/page_kinds/0/pathname/0",
            "must be text",
        ),
        ({"pathname": ["/a"] * (MAX_PATTERNS + 1)}, "/page_kinds/0/pathname", "at most"),
        ({"pathname": [1]}, "/page_kinds/0/pathname/0", "must be text"),
        ({"pathname": []}, "/page_kinds/0", "needs patterns"),
        ({"path": ["/a"]}, "/page_kinds/0", "did you mean"),
        ({"pathname": ["/a"], "words": ["a"]}, "/page_kinds/0/words", "a rule of its own"),
    ],
)
def test_rules_that_cannot_work_are_refused_with_their_place(
    rule: dict[str, Any], path: str, detail: str
) -> None:
    with pytest.raises(ScorecardError) as caught:
        PageRules([{"kind": "cancel", **rule}])

    assert caught.value.path == path
    assert detail in caught.value.detail


@given(st.text(), st.none() | st.text())
def test_any_text_has_a_kind_or_none(url: str, title: str | None) -> None:
    assert DEFAULT.kind_of(url, title) in (*KINDS, None)


@given(st.text())
def test_what_is_simplified_stays_as_it_is(segment: str) -> None:
    once = simplify(segment)

    assert simplify(once) == once


@given(
    st.lists(
        st.sampled_from(
            ["account", "cancel", "plan", "my-account", "x", "help", "en", "0", "settings", "close"]
        )
    )
)
def test_kinds_come_out_the_same_from_memory(segments: list[str]) -> None:
    url = "https://x.test/" + "/".join(segments)

    match = DEFAULT.match(url)
    expected = match.kind if match else None

    assert DEFAULT.kind_of(url) == DEFAULT.kind_of(url) == expected


@pytest.mark.parametrize(
    ("pattern", "required"),
    [
        ("/account/cancel", {"account"}),
        ("{/*}?/(cancel|close)", {"cancel", "close"}),
        ("/(cancel|close)?", set()),
        ("{/account}?/:name", set()),
        ("/(c.ncel|close)", set()),
        ("/((?:cancel|close))", set()),
        ("/(cancels?|ab?c)", set()),
    ],
)
def test_a_literal_is_required_only_where_no_match_can_lack_it(
    pattern: str, required: set[str]
) -> None:
    assert literals.required(pattern) == frozenset(required)


def test_every_pattern_of_the_default_is_quick_to_rule_out() -> None:
    every = [
        pattern
        for _, rule in DEFAULT._urls
        for patterns in rule._patterns.values()
        for pattern in patterns
    ]

    assert len(every) > 50
    assert [pattern.place for pattern in every if not pattern.required] == []


def test_a_long_address_costs_no_more_than_its_length() -> None:
    started = time.thread_time()

    DEFAULT.kind_of("https://example.com/" + "account-cancel/" * 50_000)

    assert time.thread_time() - started < 5


def test_the_memory_of_addresses_and_titles_is_bounded() -> None:
    page_rules = rules("/a", title=["/a"])

    for number in range(REMEMBERED + 10):
        page_rules.kind_of(f"/x{number}", f"title x{number}")

    assert len(page_rules._memory) <= REMEMBERED
    assert len(page_rules._titles) <= REMEMBERED


def test_numbers_in_a_path_share_one_memory() -> None:
    page_rules = rules("/orders/:id")

    kinds = {page_rules.kind_of(f"https://x.test/orders/{number}") for number in range(5)}

    assert kinds == {"cancel"}
    assert re.fullmatch(r"https://x\.test/orders/0", sorted(page_rules._memory)[0])
