"""One record that isn't a built-in event in our own envelope: a custom or repairable event, a
CloudEvent, or a refusal that says what to mend."""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from healthsvc.wire.events import cloudevents
from healthsvc.wire.events.catalogue import BuiltinEvent, CustomEvent, Envelope
from healthsvc.wire.events.explain import (
    custom_faults,
    decode_custom_type,
    explain,
    repaired,
)
from healthsvc.wire.events.rejects import Reject, refuse

MAX_BYTES: Final = 64 * 1024
DecodedEvent = tuple[Envelope, bytes]  # and its own-envelope JSON
decode_builtin: Callable[[bytes], Envelope] = msgspec.json.Decoder(
    BuiltinEvent, dec_hook=decode_custom_type
).decode


_decode_custom = msgspec.json.Decoder(CustomEvent).decode
decode_any = msgspec.json.Decoder().decode
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def within_size(value: bytes, _: int) -> bytes | Reject:
    """The record, or a refusal of an empty or too large one."""
    if not value:
        return refuse("empty", "must not be empty: a record is one JSON object")
    if len(value) > MAX_BYTES:
        return refuse("too_large", f"must be at most {MAX_BYTES} bytes, got {len(value)}")
    return value


def without_nul(value: bytes, _: int) -> bytes | Reject:
    """The record, or a refusal of what is not UTF-8 or holds U+0000."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return refuse("encoding", f"must be UTF-8; byte {error.start} isn't")
    if _NUL.search(value):
        return refuse("encoding", "must not hold U+0000 (\\u0000): it can't be stored as text")
    return value


def own_bytes(own: dict[str, Any] | Reject) -> bytes | Reject:
    """The envelope made from a CloudEvent, written down; base64 and headers may bring in what
    wasn't seen before."""
    if isinstance(own, Reject):
        return own
    sized = within_size(msgspec.json.encode(own), 0)
    return sized if isinstance(sized, Reject) else without_nul(sized, 0)


def first_look(value: bytes) -> DecodedEvent | Reject:
    """A single record by the same steps as those of a batch."""
    try:
        return decode_builtin(value), value
    except (ValueError, RecursionError) as error:
        return second_look(value, error)


def second_look(value: bytes, error: Exception) -> DecodedEvent | Reject:
    """A record that isn't a built-in event at first sight: a custom or repairable one, a
    CloudEvent, or a refusal."""
    message = str(error)
    if message.startswith("Invalid value") and message.endswith("`$.type`"):
        outcome = _custom(value)
        if outcome is not None:
            return outcome
    try:
        record = decode_any(value)
    except (ValueError, RecursionError) as fault:
        return broken_json(fault)
    if isinstance(record, dict):
        if "specversion" in record:
            return _cloud_event(record)
        if repaired(record):
            return _again(record) or explain(record, message)
    return explain(record, message)


def _cloud_event(record: dict[str, Any]) -> DecodedEvent | Reject:
    """A structured CloudEvent by way of the envelope."""
    own = own_bytes(cloudevents.from_structured(record))
    return own if isinstance(own, Reject) else first_look(own)


def _again(record: dict[str, Any]) -> DecodedEvent | None:
    """A repaired record, decoded."""
    encoded = msgspec.json.encode(record)
    try:
        return decode_builtin(encoded), encoded
    except ValueError:
        return None


def _custom(value: bytes) -> DecodedEvent | Reject | None:
    try:
        event = _decode_custom(value)
    except (ValueError, RecursionError):
        return None
    return custom_faults(event) or (event, value)


def broken_json(fault: Exception) -> Reject:
    """A refusal of what isn't JSON."""
    message = str(fault)
    if isinstance(fault, RecursionError):
        return refuse("invalid_json", "must not be nested so deep")
    if "utf-16" in message or "hex escape" in message:
        return refuse(
            "encoding", "must not hold lone surrogates (\\ud800 to \\udfff outside a pair)"
        )
    if "out of range" in message:
        return refuse("invalid_json", "must not hold numbers beyond the range of doubles")
    detail = (
        "it ends too early"
        if "truncated" in message
        else message.removeprefix("JSON is malformed: ")
    )
    return refuse("invalid_json", f"must be one JSON object: {detail}")
