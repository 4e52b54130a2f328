"""Rules proposed for the most frequent pages that no rule knows."""

from healthsvc.wire.pages.rules import PageRules
from healthsvc.wire.pages.suggestions import PageCount, suggest
from healthsvc.wire.scorecards.document import compile_document

DEFAULT = compile_document("").pages


def viewed(url: str, views: int = 1, title: str | None = None, customers: int = 1) -> PageCount:
    return PageCount(url=f"https://app.test{url}", title=title, views=views, customers=customers)


def test_addresses_that_differ_in_ids_and_spelling_are_one_page() -> None:
    counts = [viewed("/orders/7/edit", 5), viewed("/Orders/8/edit/?x=1", 2, customers=3)]

    [suggestion] = suggest(DEFAULT, counts, 10).items

    assert suggestion.pattern == "/orders/:id/edit"
    assert (suggestion.views, suggestion.customers, suggestion.kind) == (7, 3, "other")


def test_telling_words_come_first_then_the_most_frequent() -> None:
    counts = [viewed("/reports", 900), viewed("/board", 950), viewed("/abo/pakete", 4)]

    items = suggest(DEFAULT, counts, 10).items

    assert [(s.kind, s.pattern) for s in items] == [
        ("pricing", "/abo/pakete"),
        ("other", "/board"),
        ("other", "/reports"),
    ]


def test_an_object_that_is_cancelled_is_not_proposed_as_leaving() -> None:
    [suggestion] = suggest(DEFAULT, [viewed("/orders/7/cancel")], 10).items

    assert (suggestion.kind, suggestion.pattern) == ("other", "/orders/:id/cancel")


def test_known_pages_are_counted_and_not_proposed() -> None:
    counts = [viewed("/account/cancel", 3), viewed("/", 2, "Delete account"), viewed("/board", 5)]

    suggestions = suggest(DEFAULT, counts, 10)

    assert (suggestions.views, suggestions.unknown) == (10, 5)
    assert [s.pattern for s in suggestions.items] == ["/board"]


def test_each_proposed_rule_fits_the_page_it_is_made_for() -> None:
    paths = ["/a/1/b/2", "/konto/pl%C3%A4ne", "/кабинет", "/", "/x(y)/{z}*", "/deleteThing"]
    items = suggest(DEFAULT, [viewed(path) for path in paths], 10).items

    assert len(items) == len(paths)
    for item in items:
        rules = PageRules([{"kind": "spec", "pathname": [item.pattern]}])
        assert rules.kind_of(item.example) == "spec"
