"""The page rules of a scorecard: its `page_kinds`, compiled; the first rule that fits decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, get_args

from healthsvc.core.scorecard.reader import ScorecardError, nearest
from healthsvc.wire.events.catalogue import PageKind
from healthsvc.wire.pages import url_rules, word_rules
from healthsvc.wire.pages.addresses import (
    NOWHERE,
    ROUTING,
    is_routed,
    parse,
    title_parts,
    without_numbers,
)
from healthsvc.wire.pages.former_rules import FORMER_RULES
from healthsvc.wire.pages.literals import LiteralIndex
from healthsvc.wire.pages.url_rules import UrlRule
from healthsvc.wire.pages.word_rules import WordRules

KINDS: Final = get_args(PageKind)
OTHER: Final = "other"
MAX_RULES: Final = 100
REMEMBERED: Final = 20_000
"""Addresses, and titles, whose kind is remembered; the memory starts anew beyond it."""
REMEMBERED_LENGTH: Final = 500
_FIELDS: Final = (*url_rules.FIELDS, *word_rules.FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The rule that decided."""

    kind: str
    rule: str
    """JSON Pointer of the rule or of its pattern within the scorecard; within the former word lists
    if the scorecard states no rules."""
    pattern: str


class PageRules:
    """Compiled rules. `kind_of` remembers the kinds of addresses."""

    def __init__(self, rules: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Compile plain data; None: the word lists of former scorecards. Raises ScorecardError."""
        self.is_former = rules is None
        chosen = FORMER_RULES if rules is None else rules
        if not isinstance(chosen, list | tuple) or len(chosen) > MAX_RULES:
            raise ScorecardError("/page_kinds", f"must be a list of at most {MAX_RULES} rules")
        self.kinds: list[str] = []
        """Of each rule, in order."""
        self._words = WordRules()
        self._urls: list[tuple[int, UrlRule]] = []
        for rank, rule in enumerate(chosen):
            self._add(rank, rule, f"/page_kinds/{rank}")
        self._title_rules = [(rank, rule) for rank, rule in self._urls if rule.wants_title]
        self._titles_suffice = all(rule.is_of_title_alone for _, rule in self._title_rules)
        self._literals = LiteralIndex(chain(*(rule.literals for _, rule in self._urls)))
        self._memory: dict[str, str | None] = {}
        self._titles: dict[str, str | None] = {}

    def kind_of(self, url: str | None, title: str | None = None) -> str | None:
        """The kind of page that the address leads to, else the title's; None if no rule knows
        either."""
        kind = None
        if url is not None:
            key = url if "#" in url else self._without_idle_query(url)
            try:
                kind = self._memory[key]
            except KeyError:
                kind = self._judge(key)
        if kind is None and title is not None and self._title_rules:
            return self._judge_title(url, title)
        return kind

    def match(self, url: str | None, title: str | None = None) -> Match | None:
        """The rule that decides; one about titles where no rule knows the address."""
        by_address = self._by_address(url) if url else None
        if by_address is None and title:
            return self._by_title(url, title)
        return by_address

    def _add(self, rank: int, rule: object, place: str) -> None:
        checked = _checked(rule, place)
        self.kinds.append(checked["kind"])
        if any(checked.get(field) is not None for field in url_rules.FIELDS):
            self._urls.append((rank, UrlRule(checked, place)))
        else:
            self._words.add(rank, checked, place)

    def _without_idle_query(self, url: str) -> str:
        """The URL without a query that says nothing of the page."""
        front, has_query, query = url.partition("?")
        if not has_query or not self._urls:
            return front
        if "&" in query:
            return url if is_routed(query) else front
        name, has_value, _ = query.partition("=")
        return front if has_value and name.casefold() not in ROUTING else url

    def _judge(self, key: str) -> str | None:
        """The kind of an address that isn't remembered; to patterns all ids in it are alike."""
        if self._words:
            return self._remember(self._memory, key, self._by_address(key))
        alike = without_numbers(key)
        if alike not in self._memory:
            kind = self._remember(self._memory, alike, self._by_address(alike))
        else:
            kind = self._memory[alike]
        if alike != key and len(key) <= REMEMBERED_LENGTH:
            self._memory[key] = kind
        return kind

    def _judge_title(self, url: str | None, title: str) -> str | None:
        key = title if self._titles_suffice else f"{url}\0{title}"
        try:
            return self._titles[key]
        except KeyError:
            return self._remember(self._titles, key, self._by_title(url, title))

    @staticmethod
    def _remember(memory: dict[str, str | None], key: str, match: Match | None) -> str | None:
        kind = match.kind if match else None
        if len(key) <= REMEMBERED_LENGTH:
            if len(memory) >= REMEMBERED:
                memory.clear()
            memory[key] = kind
        return kind

    def _by_address(self, url: str) -> Match | None:
        """The first rule that fits the address; rules about titles have no say."""
        by_words = self._words.match(url) if self._words else None
        address = parse(url) if self._urls else NOWHERE
        present = self._literals.present("\n".join((address.host, *address.paths)))
        for rank, rule in self._urls:
            if by_words is not None and by_words[0] < rank:
                break
            if not rule.wants_title and (pattern := rule.match(address, (), present)):
                return Match(kind=rule.kind, rule=pattern.place, pattern=pattern.text)
        if by_words is None:
            return None
        rank, text = by_words
        return Match(kind=self.kinds[rank], rule=f"/page_kinds/{rank}", pattern=text)

    def _by_title(self, url: str | None, title: str) -> Match | None:
        """The first rule about titles that fits."""
        address = parse(url) if url else NOWHERE
        parts = title_parts(title)
        present = self._literals.present("\n".join((address.host, *address.paths, *parts)))
        for _, rule in self._title_rules:
            if pattern := rule.match(address, parts, present):
                return Match(kind=rule.kind, rule=pattern.place, pattern=pattern.text)
        return None


def _checked(rule: object, place: str) -> Mapping[str, Any]:
    """The rule, if it is one: of words or of URL patterns."""
    if not isinstance(rule, Mapping):
        raise ScorecardError(place, f"must be a rule: kind, and one of {', '.join(_FIELDS)}")
    for name in rule:
        if name != "kind" and name not in _FIELDS:
            hint = nearest(str(name), ("kind", *_FIELDS))
            raise ScorecardError(place, f"has no field {name}{hint}")
    if rule.get("kind") not in KINDS:
        raise ScorecardError(f"{place}/kind", f"must be one of {', '.join(KINDS)}")
    mixed = [name for name in word_rules.FIELDS if rule.get(name)]
    if mixed and any(rule.get(name) for name in url_rules.FIELDS):
        detail = "stands beside URL patterns; make it a rule of its own"
        raise ScorecardError(f"{place}/{mixed[0]}", detail)
    return rule
