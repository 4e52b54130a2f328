"""What differs between two scorecard documents: measures and flags are compared by name, the rest by place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

BY_NAME: Final = ("measures", "flags")
SILENT: Final = ("why", "title", "play", "name")
"""What is told to people and changes no score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference; None on a side where there is nothing. `path` reads like `/measures/activity/share`."""

    path: str
    before: Any
    after: Any

    @property
    def scores(self) -> bool:
        """Whether it can change a score, a flag or a band."""
        return self.path.rpartition("/")[2] not in SILENT or self.before is None or self.after is None


def changes(before: str, after: str) -> list[Change]:
    """What differs between two documents that are valid, in the order of the second."""
    return list(_compared(_by_name(yaml.safe_load(before)), _by_name(yaml.safe_load(after)), ""))


def _by_name(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {item["name"]: item for item in value} if key in BY_NAME and value else value
        for key, value in document.items()
    }


def _compared(before: Any, after: Any, path: str) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*after, *(k for k in before if k not in after)]:
            yield from _compared(before.get(key), after.get(key), f"{path}/{key}")
    elif before != after:
        yield Change(path=path, before=before, after=after)
