"""Refusals of records that can't be events: a short reason, and per fault its place and the
rule."""

from dataclasses import dataclass, replace
from typing import Literal

Reason = Literal[
    "invalid_json",
    "invalid_envelope",
    "invalid_data",
    "invalid_time",
    "too_large",
    "empty",
    "encoding",
]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault: JSON pointer to the place ("" is the whole record), and in plain words what is
    allowed there."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reject:
    """A record set aside; `index` is its place in the batch it came in."""

    index: int
    reason: Reason
    errors: list[FieldError]

    def at(self, index: int) -> "Reject":
        """The same refusal for the record at another place."""
        return replace(self, index=index)


def refuse(reason: Reason, detail: str, pointer: str = "", index: int = 0) -> Reject:
    """A refusal with a single fault."""
    return Reject(index, reason, [FieldError(pointer, detail)])
