"""Rules of URL patterns, in the syntax of the URL Pattern standard
(https://urlpattern.spec.whatwg.org).

A rule is `{"kind": "cancel", "pathname": [...], "hostname": [...], "search": [...], "hash": [...],
"title": [...]}`. Each list that it has must have a pattern that fits; patterns are anchored at both
ends. `pathname` is matched with the simplified path, `title` with each simplified part of a title.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from urlpattern import URLPattern

from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire.pages import literals
from healthsvc.wire.pages.addresses import Address, simplify

COMPONENTS: Final = ("hostname", "pathname", "search", "hash")
FIELDS: Final = (*COMPONENTS, "title")
MAX_PATTERNS: Final = 200
MAX_PATTERN_LENGTH: Final = 2000
_SITE: Final = "https://x"


@dataclass(frozen=True, slots=True)
class Pattern:
    text: str
    place: str
    """JSON Pointer into the scorecard."""
    compiled: URLPattern
    required: frozenset[str]
    """Texts of which one stands in whatever fits; empty: none is known."""


class UrlRule:
    """A compiled rule; its place and the pattern that decided are known."""

    def __init__(self, rule: Mapping[str, Any], place: str) -> None:
        """Raises ScorecardError with the place of a pattern that can't be used."""
        self.kind: str = rule["kind"]
        self.place = place
        self._patterns = {
            field: _patterns(rule[field], field, f"{place}/{field}")
            for field in FIELDS
            if rule.get(field)
        }
        if not self._patterns:
            raise ScorecardError(place, f"needs patterns: {', '.join(FIELDS)}")

    @property
    def wants_title(self) -> bool:
        return "title" in self._patterns

    @property
    def is_of_title_alone(self) -> bool:
        return self._patterns.keys() == {"title"}

    @property
    def literals(self) -> frozenset[str]:
        """All texts that its patterns require."""
        return frozenset().union(*(p.required for some in self._patterns.values() for p in some))

    def match(
        self, address: Address, titles: Sequence[str], present: AbstractSet[str]
    ) -> Pattern | None:
        """The pattern that decided: the first that fits of the rule's last list; None: no match.

        present: those of `literals` that stand in the address or the titles.
        """
        fitting: Pattern | None = None
        for field, patterns in self._patterns.items():
            possible = [p for p in patterns if not p.required or not p.required.isdisjoint(present)]
            fitting = _first(possible, _inputs(field, address, titles)) if possible else None
            if fitting is None:
                return None
        return fitting


def _inputs(field: str, address: Address, titles: Sequence[str]) -> Sequence[str]:
    """URLs that have in the field's place what its patterns are tried on."""
    match field:
        case "pathname":
            return [f"{_SITE}{path}" for path in address.paths]
        case "title":
            return [f"{_SITE}{part}" for part in titles]
        case "hostname":
            return [f"https://{address.host}/"] if address.host else []
        case "search":
            return [f"{_SITE}/?{address.search}"] if address.search else []
        case _:
            return [f"{_SITE}/#{address.fragment}"] if address.fragment else []


def _first(patterns: Sequence[Pattern], urls: Sequence[str]) -> Pattern | None:
    for pattern in patterns:
        if any(pattern.compiled.test(url) for url in urls):
            return pattern
    return None


def _patterns(texts: object, field: str, place: str) -> tuple[Pattern, ...]:
    if not isinstance(texts, list | tuple) or len(texts) > MAX_PATTERNS:
        raise ScorecardError(place, f"must be a list of at most {MAX_PATTERNS} patterns")
    return tuple(_compile(text, field, f"{place}/{i}") for i, text in enumerate(texts))


def _compile(text: object, field: str, place: str) -> Pattern:
    if not isinstance(text, str) or not 0 < len(text) <= MAX_PATTERN_LENGTH:
        raise ScorecardError(place, f"must be text of 1 to {MAX_PATTERN_LENGTH} characters")
    try:
        compiled, required = _compiled(text, field)
    except ValueError as error:
        raise ScorecardError(place, str(error)) from error
    return Pattern(text, place, compiled, required)


@lru_cache(maxsize=1000)
def _compiled(text: str, field: str) -> tuple[URLPattern, frozenset[str]]:
    """The pattern and what it requires; scorecards are compiled often. Raises ValueError."""
    is_path = field in ("pathname", "title")
    if is_path and not text.startswith(("/", "*", "{", "(")):
        raise ValueError(f"must start with /: /{text}")
    if is_path and (plain := _unsimplified(text)):
        raise ValueError(
            f"would never fit: paths are simplified, so write {simplify(plain)} for {plain}"
        )
    try:
        compiled = URLPattern({"pathname" if is_path else field: text})  # type: ignore[call-overload]  # a component's name
    except ValueError as error:
        raise ValueError(f"isn't a URL pattern: {error}") from error
    return compiled, _required(text, field)


def _required(text: str, field: str) -> frozenset[str]:
    """Known for the components that are matched in lower case, words alone."""
    return frozenset() if field in ("search", "hash") else literals.required(text)


def _unsimplified(pattern: str) -> str | None:
    """The first piece of plain text in a pattern that no simplified path has; None: all is well."""
    plain = re.sub(r":\w+|\\.", "/", pattern)
    for text in re.findall(r"[^/(){}|?*+:\[\]^$.,]+", plain):
        if text.strip("-") and simplify(text) not in (text.strip("-"), "0"):
            return str(text)
    return None
