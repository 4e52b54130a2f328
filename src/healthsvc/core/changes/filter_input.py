"""Reads a filter of changes from query parameters or from JSON, and names what is wrong with it."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from healthsvc.core.changes.filter import LISTS, ChangeFilter, folded
from healthsvc.core.errors import InvalidInput
from healthsvc.core.nearest import hint

MOST_VALUES: Final = 100
LONGEST_VALUE: Final = 512
PARAMETERS: Final = (*LISTS, "mrr_from")
_FOLDED: Final = ("tiers", "segments", "owners")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterFault:
    """What is wrong with one part of a filter."""

    part: str
    place: int | None
    """Of the value in a list of JSON; None: the part as a whole."""
    detail: str


class FilterError(InvalidInput, ValueError):
    """The filter can't be used; `faults` says why."""

    def __init__(self, faults: Sequence[FilterFault]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.part}: {fault.detail}" for fault in faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """The names that a filter may hold of types, bands and flags. Owners, segments and tiers are
    free: a customer may come to have them later."""

    types: Collection[str]
    bands: Collection[str]
    flags: Collection[str]


def from_query(parameters: Mapping[str, Sequence[str]], known: KnownNames) -> ChangeFilter:
    """The filter in query parameters, each of which may occur several times and hold several values
    with commas between them; a comma within a value is written `\\,`. Raises FilterError."""
    texts = {part: parameters[part] for part in PARAMETERS if part in parameters}
    data: dict[str, object] = {
        part: [name for value in values for name in split(value)]
        for part, values in texts.items()
        if part in LISTS
    }
    if "mrr_from" in texts:
        data["mrr_from"] = _number(texts["mrr_from"][-1])
    return from_json(data, known)


def from_json(data: Mapping[str, object], known: KnownNames) -> ChangeFilter:
    """The filter in a JSON object: lists of names, and `mrr_from`. Raises FilterError."""
    faults = [
        FilterFault(part=str(part), place=None, detail=hint(str(part), PARAMETERS))
        for part in data
        if part not in PARAMETERS
    ]
    parts: dict[str, frozenset[str]] = {}
    for part in LISTS:
        values = data.get(part)
        names = [] if values is None else _names(part, values, faults)
        _check_known(part, names, known, faults)
        parts[part] = frozenset(map(folded, names) if part in _FOLDED else names)
    mrr_from = _least_mrr(data.get("mrr_from"), faults)
    if faults:
        raise FilterError(faults)
    return ChangeFilter(**parts, mrr_from=mrr_from)


def split(text: str) -> list[str]:
    """The values of a text with commas between them; `\\,` is a comma and `\\\\` a backslash."""
    values, current, escaped = [], "", False
    for character in text:
        if escaped or character not in ("\\", ","):
            current, escaped = current + character, False
        elif character == ",":
            values.append(current)
            current = ""
        else:
            escaped = True
    return [value.strip() for value in [*values, current] if value.strip()]


def _names(part: str, values: object, faults: list[FilterFault]) -> list[str]:
    """The names in a list; what isn't one becomes a fault."""
    if not isinstance(values, list | tuple) or len(values) > MOST_VALUES:
        detail = f"must be a list of at most {MOST_VALUES} texts"
        faults.append(FilterFault(part=part, place=None, detail=detail))
        return []
    names = []
    for place, value in enumerate(values):
        if isinstance(value, str) and 0 < len(value) <= LONGEST_VALUE and value.strip():
            names.append(value)
        else:
            detail = f"must be text of 1 to {LONGEST_VALUE} characters"
            faults.append(FilterFault(part=part, place=place, detail=detail))
    return names


def _check_known(
    part: str, names: Iterable[str], known: KnownNames, faults: list[FilterFault]
) -> None:
    if part in _FOLDED:
        return
    possible: Collection[str] = getattr(known, part)
    for place, name in enumerate(names):
        if name not in possible:
            faults.append(FilterFault(part=part, place=place, detail=hint(name, possible)))


def _least_mrr(value: object, faults: list[FilterFault]) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and value >= 0:  # type: ignore[arg-type,operator]  # is_number
        return float(value)  # type: ignore[arg-type]  # is_number
    detail = "must be a number from 0"
    faults.append(FilterFault(part="mrr_from", place=None, detail=detail))
    return None


def _number(text: str) -> object:
    """The number in a text; the text itself if it isn't one."""
    try:
        return float(text) if text.isascii() and "_" not in text else text
    except ValueError:
        return text
