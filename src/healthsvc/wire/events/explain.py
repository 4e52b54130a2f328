"""Explains in full why a record isn't an event, field by field. Slow, and only for records that
failed.

Also the one repair made here: a whole number written as 5.0 is the integer 5, as JSON Schema has
it.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain, islice
from typing import Any, get_args

import msgspec

from healthsvc.core.events import SURVEY_ANSWERED
from healthsvc.wire.events.allowed_values import (
    INSTANT_RULE,
    MAX_NAME,
    allowed,
    escape,
    fields_of,
    from_message,
    holder,
    schema_of,
    shown,
    types_of_schema,
)
from healthsvc.wire.events.catalogue import (
    BUILTIN_TYPES,
    DATA_DEPTH,
    LARGEST,
    TYPE_LENGTH,
    CustomEvent,
    Envelope,
    Instant,
    is_type_name,
)
from healthsvc.wire.events.rejects import FieldError, Reason, Reject, refuse
from healthsvc.wire.events.times import EPOCH, MICROSECOND, parse_date, parse_instant

MAX_ERRORS = 20  # of one record: enough to mend it, too few to fill the dead letters with
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
ID_FIELDS = ("id", "source", "customer_id", "contact_id")
REASONS: dict[str, Reason] = {"data": "invalid_data", "occurred_at": "invalid_time"}


def decode_custom_type(kind: type, value: object) -> object:
    """msgspec's hook for types it doesn't know: `Instant`."""
    if kind is not Instant:
        raise NotImplementedError(kind)
    us = None
    if (
        isinstance(value, str) and "1900" <= value[:4] <= "2999"
    ):  # the edges of the calendar overflow
        us = parse_date(value) if len(value) == 10 else parse_instant(value)
    if us is None:
        raise ValueError(INSTANT_RULE)
    return Instant.fromisoformat(str(EPOCH + us * MICROSECOND))


def repaired(record: dict[str, Any]) -> bool:
    """Turn numbers like 5.0 into integers where the type wants integers; whether any was found."""
    data, kind = record.get("data"), _data_type(record)
    if not isinstance(data, dict) or kind is None:
        return False
    changed = False
    for field in fields_of(kind):
        value = data.get(field.encode_name)
        if (
            isinstance(value, float)
            and value.is_integer()
            and abs(value) <= LARGEST
            and "integer" in types_of_schema(schema_of(field.type))
        ):
            data[field.encode_name] = int(value)
            changed = True
    return changed


def explain(record: object, fallback: str) -> Reject:
    """Every fault of a record that failed to decode; `fallback`: the decoder's message, if no field
    explains it."""
    if not isinstance(record, dict):
        return refuse("invalid_envelope", f"must be a JSON object, got {shown(record)}")
    errors = list(islice(chain(_envelope_errors(record), _data_errors(record)), MAX_ERRORS))
    if not errors:
        return refuse("invalid_envelope", *from_message(fallback))
    return Reject(0, _reason(errors), errors)


def control_characters(event: Envelope) -> Reject | None:
    """A refusal if an id holds characters that can't be shown."""
    errors = [
        FieldError(f"/{name}", "must not hold control characters")
        for name in ID_FIELDS
        if (value := getattr(event, name)) is not None and CONTROL.search(value)
    ]
    return Reject(0, "invalid_envelope", errors) if errors else None


def custom_faults(event: CustomEvent) -> Reject | None:
    """Faults of an event of the operator's own type that the struct can't express."""
    if event.type in BUILTIN_TYPES:
        return refuse("invalid_envelope", "must stand once in the record", "/type")
    if not is_type_name(event.type):
        return refuse("invalid_envelope", TYPE_RULE, "/type")
    if _within_limits(event.data, DATA_DEPTH):
        return None
    return Reject(
        0, "invalid_data", list(islice(_value_errors(event.data, "/data", DATA_DEPTH), MAX_ERRORS))
    )


TYPE_RULE = (
    "must be dot-separated words of letters, digits, _ and -, starting with a letter, "
    f"at most {TYPE_LENGTH} characters, such as page.viewed"
)


def _reason(errors: list[FieldError]) -> Reason:
    """The envelope's faults come before the data's."""
    reasons = {REASONS.get(error.pointer.split("/")[1], "invalid_envelope") for error in errors}
    return next(r for r in ("invalid_envelope", "invalid_time", "invalid_data") if r in reasons)


def _envelope_errors(record: dict[str, Any]) -> Iterator[FieldError]:
    declared = {field.name: field for field in fields_of(CustomEvent)}
    for name in record:
        if name not in declared:
            yield FieldError(
                f"/{escape(name)}", f"is not a field of the envelope; {_hint(name[:MAX_NAME])}"
            )
    for name, field in declared.items():
        if name in record and name != "data":
            yield from _field_errors(field.type, record[name], f"/{name}")
        elif name not in record and field.required:
            yield FieldError(f"/{name}", f"is required: {allowed(schema_of(field.type))}")
    if (
        isinstance(kind := record.get("type"), str)
        and 0 < len(kind) <= TYPE_LENGTH
        and not is_type_name(kind)
    ):
        yield FieldError("/type", TYPE_RULE)
    for name in ID_FIELDS:
        if isinstance(value := record.get(name), str) and CONTROL.search(value):
            yield FieldError(f"/{name}", "must not hold control characters")


@lru_cache(1000)
def _hint(name: str) -> str:
    """What the sender of an unknown field may have meant; kept: comparing is slow, and floods
    repeat themselves."""
    near = get_close_matches(name, [field.name for field in fields_of(CustomEvent)], 1)
    return f"did you mean {near[0]}?" if near else "anything beyond the envelope belongs into data"


def _data_errors(record: dict[str, Any]) -> Iterator[FieldError]:
    event_type = BUILTIN_TYPES.get(str(record.get("type")), CustomEvent)
    required = next(f for f in fields_of(event_type) if f.name == "data").required
    if "data" not in record:
        if required:
            yield FieldError("/data", "is required: an object")
        return
    data = record["data"]
    if not isinstance(data, dict):
        yield FieldError("/data", f"must be an object, got {shown(data)}")
    elif event_type is CustomEvent:
        yield from _value_errors(data, "/data", DATA_DEPTH)
    elif (kind := _data_type(record)) is None:
        yield from _survey_errors(data)
    else:
        yield from _struct_errors(kind, data)


def _survey_errors(data: Mapping[str, Any]) -> Iterator[FieldError]:
    fault = "is required" if "survey" not in data else f"got {shown(data['survey'])}"
    yield FieldError("/data/survey", f"must be one of {', '.join(_SURVEYS)}; {fault}")


def _struct_errors(kind: type[msgspec.Struct], data: Mapping[str, Any]) -> Iterator[FieldError]:
    for field in fields_of(kind):
        pointer = f"/data/{field.encode_name}"
        if field.encode_name in data:
            yield from _field_errors(field.type, data[field.encode_name], pointer)
        elif field.required:
            yield FieldError(pointer, f"is required: {allowed(schema_of(field.type))}")
    alternatives: tuple[str, ...] = getattr(kind, "one_of", ())
    if alternatives and all(data.get(name) is None for name in alternatives):
        first, *others = alternatives
        yield FieldError(f"/data/{first}", f"is required where there is no {' or '.join(others)}")


def _field_errors(kind: Any, value: object, pointer: str) -> Iterator[FieldError]:
    try:
        msgspec.convert({"value": value}, holder(kind), dec_hook=decode_custom_type)
    except (msgspec.ValidationError, OverflowError):
        if pointer == "/data/attributes" and isinstance(value, dict):
            yield from _attribute_errors(value, pointer)
        else:
            yield FieldError(pointer, f"must be {allowed(schema_of(kind))}, got {shown(value)}")


def _attribute_errors(attributes: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    if len(attributes) > 100:
        yield FieldError(pointer, f"must have at most 100 entries, got {len(attributes)}")
    for name, value in attributes.items():
        place = f"{pointer}/{escape(name)}"
        if not 1 <= len(name) <= 100:
            yield FieldError(place, "must have a name of 1 to 100 characters")
        if isinstance(value, (dict, list)) or (isinstance(value, str) and len(value) > 2000):
            yield FieldError(
                place,
                "must be text of at most 2000 characters, a number, true, false or null, got"
                f" {shown(value)}",
            )
        elif isinstance(value, (int, float)) and abs(value) > LARGEST:
            yield FieldError(place, NUMBER_RULE)


NUMBER_RULE = f"must be a number from -{LARGEST} to {LARGEST}"


def _within_limits(value: object, depth: int) -> bool:
    """Whether free data keeps the limits; `_value_errors` says where it doesn't."""
    if isinstance(value, (int, float)):
        return abs(value) <= LARGEST
    if isinstance(value, dict):
        return depth > 0 and all(_within_limits(inner, depth - 1) for inner in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_within_limits(inner, depth - 1) for inner in value)
    return True


def _value_errors(value: object, pointer: str, depth: int) -> Iterator[FieldError]:
    """Limits of free data: how deep, and how large its numbers."""
    if isinstance(value, (int, float)):
        if abs(value) > LARGEST:
            yield FieldError(pointer, NUMBER_RULE)
    elif isinstance(value, (dict, list)) and depth == 0:
        yield FieldError(pointer, f"must not be nested deeper than {DATA_DEPTH} levels")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _value_errors(inner, f"{pointer}/{escape(name)}", depth - 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _value_errors(inner, f"{pointer}/{place}", depth - 1)


def _data_type(record: Mapping[str, Any]) -> type[msgspec.Struct] | None:
    """The struct that the record's data should be; None for other types and answers that name no
    known survey."""
    event_type = BUILTIN_TYPES.get(str(record.get("type")))
    if event_type is None:
        return None
    kind = event_type.__annotations__["data"]
    if not get_args(kind):
        return kind  # type: ignore[no-any-return]  # annotations are plain classes here
    data = record.get("data")
    return _SURVEYS.get(str(data.get("survey"))) if isinstance(data, dict) else None


_SURVEYS: dict[str, type[msgspec.Struct]] = {
    kind.survey: kind
    for kind in get_args(BUILTIN_TYPES[SURVEY_ANSWERED.name].__annotations__["data"])
}
