"""What a field may hold, in words: read from the schema of its struct."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import FieldInfo

from healthsvc.wire.events.catalogue import (
    Instant,
)

INSTANT_RULE = (
    "must be an RFC 3339 time with an offset, such as 2026-05-04T09:30:00Z, or a date, from 1900 to"
    " 2999"
)
MAX_NAME = 100
_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
}


def schema_of_custom_type(kind: type) -> dict[str, Any]:
    """The same type's JSON Schema."""
    if kind is not Instant:
        raise NotImplementedError(kind)
    return {
        "type": "string",
        "anyOf": [
            {"format": "date-time", "pattern": INSTANT_PATTERN.replace("^[0-9]{4}", YEARS, 1)},
            {"format": "date", "pattern": DATE_PATTERN.replace("^[0-9]{4}", YEARS, 1)},
        ],
        "examples": ["2026-05-04T09:30:00Z", "2026-05-04"],
    }


YEARS = "^(19|2[0-9])[0-9]{2}"
DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
INSTANT_PATTERN = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


@cache
def fields_of(kind: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(kind)


@cache
def holder(kind: Any) -> type[msgspec.Struct]:
    """A struct around one value: msgspec keeps what it works out about structs, not about other
    types."""
    return msgspec.defstruct("Holder", [("value", kind)])


@cache
def schema_of(kind: Any) -> dict[str, Any]:
    return msgspec.json.schema(kind, schema_hook=schema_of_custom_type)


def types_of_schema(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that a schema lets in."""
    return {str(part.get("type")) for part in schema.get("anyOf", [schema])}


def allowed(schema: Mapping[str, Any]) -> str:
    """What a schema lets in, in plain words."""
    if schema.get("anyOf") and "type" not in schema:
        return " or ".join(allowed(part) for part in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"] if value is not None)
    if schema.get("type") == "string" and "anyOf" in schema:
        return INSTANT_RULE.removeprefix("must be ")
    words = _KINDS.get(str(schema.get("type")), str(schema.get("type")))
    return words + _length_words(schema) + _range_words(schema)


def _length_words(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minLength"), schema.get("maxLength")
    if high is None:
        return ""
    if low == high:
        return f" of {high} letters" if "pattern" in schema else f" of {high} characters"
    return f" of {low} to {high} characters" if low else f" of at most {high} characters"


def _range_words(schema: Mapping[str, Any]) -> str:
    low, high, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    if above is not None:
        return f" above {above:g}, at most {high:.0f}"
    return "" if high is None else f" from {low:.0f} to {high:.0f}"


def shown(value: object) -> str:
    """The value as it is put into an explanation: short, and by kind where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, str):
        return (
            f'"{value}"'
            if len(value) <= 40 and value.isprintable()
            else f"text of {len(value)} characters"
        )
    return (
        f"the number {value!r}"
        if not isinstance(value, int) or abs(value) < 10**40
        else "a number of too many digits"
    )


def escape(name: str) -> str:
    """A name as a part of a JSON pointer; a name of absurd length is cut."""
    return name[:MAX_NAME].replace("~", "~0").replace("/", "~1")


def from_message(message: str) -> tuple[str, str]:
    """(detail, pointer) of the decoder's own message, such as "Number out of range - at
    `$.data.score`"."""
    detail, _, place = message.partition(" - at ")
    path = place.strip("`").removeprefix("$").replace(".", "/")
    return detail.replace("`", "").lower() or "is not an event", path
