"""Rules of words: `{"kind": "cancel", "words": [...], "hosts": [...]}`, as scorecards published
before rules of URL patterns state them.

Each entry of `words` is one or more words that stand next to each other in the path, in lower case
and without accents ("close account" finds /my/close-account.html); a `*` at its end takes any
ending of the last word ("cancel*"). `hosts` are labels of the host name before its domain ("help"
finds help.example.com). No regular expressions: the time is linear in the URL.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from healthsvc.core.scorecard.reader import ScorecardError

FIELDS: Final = ("words", "hosts")
MAX_PATTERNS: Final = 200
MAX_PATTERN_LENGTH: Final = 100
MAX_PATH: Final = 2000

_TO_SPACE: Final = {code: " " for code in range(128) if not chr(code).isalnum()}


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Words that stand next to each other; the last may be a beginning. The lowest rank wins."""

    rank: int
    words: tuple[str, ...]
    open_ended: bool

    def at(self, words: Sequence[str], place: int) -> bool:
        """Whether the pattern stands at this place."""
        *head, last = self.words
        end = place + len(head)
        if end >= len(words) or words[place:end] != head:
            return False
        return words[end].startswith(last) if self.open_ended else words[end] == last


class WordRules:
    """Compiled rules of words, by their rank among all rules."""

    def __init__(self) -> None:
        self._hosts: dict[str, int] = {}
        self._by_first: dict[str, list[_Pattern]] = {}
        """By the pattern's first word."""
        self._open: list[_Pattern] = []
        """A single word with any ending."""

    def __bool__(self) -> bool:
        return bool(self._hosts or self._by_first or self._open)

    def add(self, rank: int, rule: Mapping[str, Any], place: str) -> None:
        """Compile one rule into the indexes. Raises ScorecardError."""
        for host in _texts(rule, "hosts", place):
            self._hosts.setdefault(host.casefold(), rank)
        for number, text in enumerate(_texts(rule, "words", place)):
            pattern = _pattern(rank, text, f"{place}/words/{number}")
            if pattern.open_ended and len(pattern.words) == 1:
                self._open.append(pattern)
            else:
                self._by_first.setdefault(pattern.words[0], []).append(pattern)

    def match(self, url: str) -> tuple[int, str] | None:
        """Rank and text of the rule that knows the URL; None where none does."""
        labels, words = _parts(url)
        fitting = [(self._hosts[label], label) for label in labels if label in self._hosts]
        if not self._by_first.keys().isdisjoint(words):
            for place, word in enumerate(words):
                fitting += [
                    (p.rank, " ".join(p.words))
                    for p in self._by_first.get(word, ())
                    if p.at(words, place)
                ]
        for pattern in self._open:
            text = pattern.words[0]
            fitting += [(pattern.rank, f"{text}*") for word in words if word.startswith(text)]
        return min(fitting, default=None)


def _parts(url: str) -> tuple[list[str], list[str]]:
    """The host's labels before its domain, and the words of the path (and of a route in the
    fragment), folded."""
    front, _, fragment = url.strip().partition("#")
    address = front.partition("?")[0]
    _, is_absolute, rest = address.partition("://")
    if not is_absolute:
        rest = address.removeprefix("//")
        if not address.startswith("/") and ":" in rest.partition("/")[0]:
            return [], []  # mailto:, javascript: and the like lead to no page
    on_site = rest.startswith("/")  # a path without a host
    host, _, path = ("", "", rest) if on_site else rest.partition("/")
    route = fragment.removeprefix("!")
    if route.startswith("/"):
        path += route.partition("?")[0]
    labels = host.rpartition("@")[2].partition(":")[0].casefold().split(".")
    return labels[:-2], _words(unquote(path[:MAX_PATH]))


def _words(text: str) -> list[str]:
    """Lower-case words without accents."""
    folded = text.casefold()
    if not folded.isascii():
        folded = "".join(
            c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c)
        )
        folded = "".join(c if c.isalnum() else " " for c in folded)
    return folded.translate(_TO_SPACE).split()


def _texts(rule: Mapping[str, Any], name: str, place: str) -> list[str]:
    texts = rule.get(name) or []
    if not isinstance(texts, list | tuple) or len(texts) > MAX_PATTERNS:
        raise ScorecardError(f"{place}/{name}", f"must be a list of at most {MAX_PATTERNS} texts")
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not 0 < len(text) <= MAX_PATTERN_LENGTH:
            raise ScorecardError(
                f"{place}/{name}/{number}", f"must be text of 1 to {MAX_PATTERN_LENGTH} characters"
            )
    return list(texts)


def _pattern(rank: int, text: str, place: str) -> _Pattern:
    words = _words(text)
    if not words or "*" in text[:-1]:
        raise ScorecardError(place, "must be words, with * only at the end")
    return _Pattern(rank, tuple(words), text.endswith("*"))
