"""What differs between two scorecards: measures, flags and variants are compared by name, the rest
by place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from healthsvc.core.languages import LANGUAGES

BY_NAME: Final = ("measures", "flags", "variants")
SILENT: Final = ("why", "title", "play", "name")
"""What is told to people and changes no score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChange:
    """One difference; None on a side where there is nothing. `path` reads like
    `/measures/activity/share`."""

    path: str
    before: Any
    after: Any

    @property
    def scores(self) -> bool:
        """Whether it can change a score, a flag or a band."""
        place, _, name = self.path.rpartition("/")
        if name in LANGUAGES and place.rpartition("/")[2] in SILENT:
            return False
        return name not in SILENT or self.before is None or self.after is None


def changes(before: str, after: str) -> list[DocumentChange]:
    """What differs between two documents that are valid, in the order of the second."""
    old, new = yaml.safe_load(before), yaml.safe_load(after)
    return [*_compared(_by_name(old), _by_name(new), ""), *_precedence(old, new)]


def _by_name(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {item["name"]: item for item in value} if key in BY_NAME and value else value
        for key, value in document.items()
    }


def _precedence(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[DocumentChange]:
    """The first variant that fits judges, so another order of the same ones is a change."""
    before, after = (
        [item["name"] for item in document.get("variants") or ()] for document in (old, new)
    )
    common = [name for name in before if name in after]
    if common != [name for name in after if name in before]:
        yield DocumentChange(path="/variants/order", before=before, after=after)


def _compared(before: Any, after: Any, path: str) -> Iterator[DocumentChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*after, *(k for k in before if k not in after)]:
            yield from _compared(before.get(key), after.get(key), f"{path}/{key}")
    elif before != after:
        yield DocumentChange(path=path, before=before, after=after)
