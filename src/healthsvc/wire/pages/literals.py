"""Texts of which one must stand in whatever a URL pattern fits: a quick test before the pattern.

Only flat groups such as `(cancel|close)` and plain text are read; a pattern that has neither is
always tried.
"""

import re
from collections.abc import Iterable
from typing import Final

SHORTEST: Final = 2
_HEAD: Final = 3
_PART: Final = re.compile(
    r"(?P<optional>\{[^{}]*\}[?*])|(?P<braced>\{[^{}]*\}\+?)|(?P<name>:\w+)"
    r"|(?P<group>\([^()]*\))|(?P<plain>[a-z0-9-]+)|."
)
_RUN: Final = re.compile(r"[a-z0-9-]+(?![a-z0-9-])")


class LiteralIndex:
    """Finds which of many texts stand in another one, in time of that one's length."""

    def __init__(self, literals: Iterable[str]) -> None:
        self._short: list[str] = []
        self._by_head: dict[str, list[str]] = {}
        for literal in sorted(set(literals)):
            if len(literal) < _HEAD:
                self._short.append(literal)
            else:
                self._by_head.setdefault(literal[:_HEAD], []).append(literal)

    def present(self, text: str) -> set[str]:
        """The literals that stand in the text."""
        standing = {literal for literal in self._short if literal in text}
        for place in range(len(text) - _HEAD + 1):
            for literal in self._by_head.get(text[place : place + _HEAD], ()):
                if text.startswith(literal, place):
                    standing.add(literal)
        return standing


def required(pattern: str) -> frozenset[str]:
    """Texts of which one stands in every path that the pattern fits; empty: none is known."""
    if "(?" in pattern or "\\" in pattern:
        return frozenset()
    candidates = [frozenset(texts) for texts in _mandatory(pattern) if texts]
    return max(candidates, key=_selectivity, default=frozenset())


def _selectivity(texts: frozenset[str]) -> tuple[int, int]:
    return min(map(len, texts)), -len(texts)


def _mandatory(pattern: str) -> list[list[str]]:
    """The texts of each part that no match can lack."""
    parts = []
    for part in _PART.finditer(pattern):
        after = pattern[part.end() : part.end() + 1]
        if part["plain"] and len(part["plain"]) >= SHORTEST:
            parts.append([part["plain"]])
        elif part["group"] and after not in ("?", "*"):
            parts.append(_alternatives(part["group"][1:-1]))
    return parts


def _alternatives(group: str) -> list[str]:
    """One text of each alternative; empty where one has none."""
    if re.search(r"[()\[\]{}\\^$.+*]", group):
        return []
    texts = [_longest(alternative) for alternative in group.split("|")]
    return texts if all(len(text) >= SHORTEST for text in texts) else []


def _longest(alternative: str) -> str:
    """The longest text that isn't optional."""
    certain = re.sub(r".\?", " ", alternative)
    return max(_RUN.findall(certain), key=len, default="")
