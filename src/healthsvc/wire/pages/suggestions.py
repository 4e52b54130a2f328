"""Rules proposed for the most frequent pages that no rule knows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from healthsvc.wire.pages.addresses import parse
from healthsvc.wire.pages.rules import OTHER, PageRules

ID: Final = "0"
RISKY: Final = frozenset(("cancel", "pricing"))
"""Kinds that raise alerts: a path with an id is hardly ever one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCount:
    """How often an address was viewed."""

    url: str
    title: str | None
    views: int
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A rule for a page that no rule knows."""

    kind: str
    """The kind that its words suggest; `other` marks the page as known and of no interest."""
    pattern: str
    views: int
    customers: int
    """Of the address viewed by most; several addresses may lead to the page."""
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """What the page views of a sample come to."""

    views: int
    unknown: int
    """Views of pages that no rule knows."""
    items: Sequence[Suggestion]


def suggest(rules: PageRules, counts: Iterable[PageCount], limit: int) -> Suggestions:
    """Rules for the most frequent pages that `rules` don't know, those of a telling word first."""
    views = unknown = 0
    pages: dict[str, Suggestion] = {}
    for count in counts:
        views += count.views
        if rules.kind_of(count.url, count.title) is not None:
            continue
        unknown += count.views
        path = next(iter(parse(count.url).paths), None)
        if path is not None:
            pages[path] = _with(pages.get(path), path, count)
    ranked = sorted(pages.values(), key=lambda s: (s.kind == OTHER, -s.views, s.pattern))
    return Suggestions(views=views, unknown=unknown, items=ranked[:limit])


def _with(before: Suggestion | None, path: str, count: PageCount) -> Suggestion:
    """The suggestion for a path with one more address."""
    if before is None:
        kind, pattern = _kind(path), _pattern(path)
        return Suggestion(
            kind=kind,
            pattern=pattern,
            views=count.views,
            customers=count.customers,
            example=count.url,
        )
    return Suggestion(
        kind=before.kind,
        pattern=before.pattern,
        views=before.views + count.views,
        customers=max(before.customers, count.customers),
        example=before.example,
    )


@cache
def _by_words() -> PageRules:
    """The former word lists: too loose to judge by, good enough for a guess."""
    return PageRules(None)


def _kind(path: str) -> str:
    """What the words of the path suggest."""
    kind = _by_words().kind_of(path) or OTHER
    return OTHER if kind in RISKY and ID in path.split("/") else kind


def _pattern(path: str) -> str:
    """The path as a URL pattern: ids are names."""
    segments = path.split("/")
    ids = 0
    for place, segment in enumerate(segments):
        if segment == ID:
            ids += 1
            segments[place] = ":id" if ids == 1 else f":id{ids}"
    return "/".join(segments)
