"""Conditions of feeds that could never hold: properties that a built-in type doesn't have, and
values that they can't have.

Decoding keeps of a built-in event what its type declares, so such a condition would validate and do
nothing.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

from healthsvc.core.scorecard.reader import ScorecardError, nearest
from healthsvc.wire.events.catalogue import BUILTIN_TYPES

Values = frozenset[Any] | None
"""What a property may be where that is one of few values; None: anything."""


def check_conditions(document: Mapping[str, Any]) -> None:
    """Check the feeds of a document that has been read as a scorecard. Raises ScorecardError with
    the place of the first condition that could never hold."""
    for i, measure in enumerate(document["measures"]):
        for j, feed in enumerate(measure.get("feeds") or ()):
            for name, values in (feed.get("where") or {}).items():
                place = f"/measures/{i}/feeds/{j}/where/{name}"
                allowed = values if isinstance(values, list) else [values]
                for event_type in feed.get("types") or [feed["type"]]:
                    if event_type in BUILTIN_TYPES:
                        _check(event_type, str(name), allowed, place)


def _check(event_type: str, name: str, values: list[Any], place: str) -> None:
    properties = properties_of(event_type)
    if name not in properties:
        hint = nearest(name, sorted(properties))
        raise ScorecardError(
            place, f"can never hold: {event_type} has no property {name!r} in its data{hint}"
        )
    possible = properties[name]
    for value in values:
        if possible is not None and value is not None and value not in possible:
            hint = nearest(str(value), sorted(map(str, possible)))
            raise ScorecardError(place, f"{event_type} never has {value!r} here{hint}")


@cache
def properties_of(event_type: str) -> Mapping[str, Values]:
    """The properties of a built-in type's data, and their values where they are few."""
    data = BUILTIN_TYPES[event_type].__annotations__["data"]
    properties: dict[str, Values] = {}
    for struct in get_args(data) or (data,):
        for name, values in _properties(struct):
            known = properties.get(name, frozenset())
            both = values is not None and known is not None
            properties[name] = values | known if both else None  # type: ignore[operator]  # both are sets
    return properties


def _properties(struct: type[msgspec.Struct]) -> Iterator[tuple[str, Values]]:
    tag_field = struct.__struct_config__.tag_field
    if tag_field is not None:
        yield tag_field, frozenset([struct.__struct_config__.tag])
    for field in msgspec.structs.fields(struct):
        yield field.encode_name, _few(field.type)


_UNIONS: Final = (Union, UnionType)


def _few(kind: Any) -> Values:
    """The values of a literal, optional or not; None for other types."""
    if get_origin(kind) is Annotated:
        return _few(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return frozenset(get_args(kind))
    if get_origin(kind) in _UNIONS:
        parts = [_few(part) for part in get_args(kind) if part is not NoneType]
        return parts[0] if len(parts) == 1 else None
    return None
