"""Which rule decides the kind of a page, and rules for pages that none knows."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints
from pydantic.config import JsonDict

from healthsvc.wire.pages.addresses import parse
from healthsvc.wire.pages.rules import OTHER, PageRules
from healthsvc.wire.pages.suggestions import Suggestions
from healthsvc.wire.rest.shapes import MAX_LIMIT, Queried, Text, Told, Whole, example

MAX_URLS: Final = 50
URL_LENGTH: Final = 8192
_URL: Final = "https://app.example.com/account/cancel"
_MATCH: Final[JsonDict] = {
    "url": _URL,
    "kind": "cancel",
    "rule": "/page_kinds/6/pathname/2",
    "pattern": "/account/(cancel|close)",
    "paths": ["/account/cancel"],
}
_SUGGESTION: Final[JsonDict] = {
    "kind": "pricing",
    "pattern": "/abo/pakete",
    "views": 312,
    "customers": 41,
    "example": "https://app.example.com/abo/pakete",
}
PageUrl = Annotated[Text, StringConstraints(min_length=1, max_length=URL_LENGTH)]


class PagesAsked(Queried):
    """Addresses to try the live scorecard's rules on."""

    url: Annotated[
        list[PageUrl],
        Field(min_length=1, max_length=MAX_URLS, description="One or more addresses."),
    ]
    title: Annotated[
        Text | None,
        Field(
            max_length=2000, description="The title of the pages, tried where no rule knows one."
        ),
    ] = None


class PageMatch(Told):
    """The kind of one page and the rule that decided."""

    url: str
    kind: Annotated[str, Field(description="`other` where no rule knows the page.")]
    rule: Annotated[
        str | None,
        Field(description="JSON Pointer into the scorecard; null where no rule knows the page."),
    ]
    pattern: str | None
    paths: Annotated[
        list[str], Field(description="The simplified paths that patterns are matched with.")
    ]


class PageMatches(Told):
    """An answer for each address, in their order."""

    model_config = example(items=[_MATCH])

    items: list[PageMatch]


class SuggestionsAsked(Queried):
    """How many suggestions."""

    limit: Annotated[Whole, Field(ge=1, le=MAX_LIMIT, description="How many at most.")] = 20


class PageSuggestion(Told):
    """A rule for a page that no rule knows."""

    kind: Annotated[
        str,
        Field(description="What its words suggest; `other` marks a page as known, of no interest."),
    ]
    pattern: Annotated[str, Field(description="For `pathname` of a rule of `page_kinds`.")]
    views: int
    customers: Annotated[
        int, Field(description="Of the address that most customers viewed; at least so many.")
    ]
    example: str


class PageSuggestions(Told):
    """Rules for the most frequent pages that no rule knows; telling words first."""

    model_config = example(views=5210, unknown=1830, items=[_SUGGESTION])

    views: Annotated[int, Field(description="Page views of the sample of the archive.")]
    unknown: Annotated[int, Field(description="Those of pages that no rule knows.")]
    items: list[PageSuggestion]


def to_match(rules: PageRules, url: str, title: str | None) -> PageMatch:
    """What the rules make of an address."""
    match = rules.match(url, title)
    return PageMatch(
        url=url,
        kind=OTHER if match is None else match.kind,
        rule=None if match is None else match.rule,
        pattern=None if match is None else match.pattern,
        paths=list(parse(url).paths),
    )


def to_suggestions(suggestions: Suggestions) -> PageSuggestions:
    """The suggestions as an answer."""
    return PageSuggestions.model_validate(suggestions)
