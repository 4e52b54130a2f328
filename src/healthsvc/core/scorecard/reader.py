"""Reading plain data strictly: every fault is told by its place, what is allowed there, and the
nearest name."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from healthsvc.core.errors import InvalidInput
from healthsvc.core.instants import DAY_US


class ScorecardError(InvalidInput, ValueError):
    """The scorecard document can't be used; `path` says where, the message what is allowed
    there."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


class MappingReader:
    """Reads one mapping of the document and refuses keys that nobody asked for."""

    def __init__(self, data: object, path: str) -> None:
        if not isinstance(data, Mapping):
            raise ScorecardError(path, "must be a mapping")
        self.data: Mapping[str, Any] = data
        self.path = path
        self.fields_read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.fields_read.add(key)
        return self.data.get(key, default)

    def need(self, key: str) -> Any:
        if key not in self.data:
            raise ScorecardError(f"{self.path}/{key}", "is missing")
        return self.get(key)

    def number(self, key: str, default: float, *, low: float = 0.0, high: float = 1e9) -> float:
        value = self.get(key, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise ScorecardError(f"{self.path}/{key}", f"must be a number from {low:g} to {high:g}")
        return float(value)

    def choice(self, key: str, allowed: Sequence[str]) -> Any:
        return choose(self.need(key), allowed, f"{self.path}/{key}")

    def days(self, key: str, default: float) -> int:
        return round(self.number(key, default, low=0.001, high=36_500) * DAY_US)

    def switch(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise ScorecardError(f"{self.path}/{key}", "must be true or false")
        return value

    def done(self) -> None:
        for key in self.data:
            if key not in self.fields_read:
                raise ScorecardError(
                    f"{self.path}/{key}",
                    f"is not known here{nearest(str(key), sorted(self.fields_read))}",
                )


def nearest(word: str, known: Sequence[str]) -> str:
    names = [name for name in known if name]
    close = get_close_matches(word, names, 1)
    return (
        f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(names) or 'none yet'}"
    )


def choose(value: object, allowed: Sequence[str], path: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ScorecardError(path, f"{value!r} is not allowed{nearest(str(value), list(allowed))}")
    return value
