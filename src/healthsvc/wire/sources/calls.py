"""A call's body taken apart into items, by the protocol that its sender speaks."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from healthsvc.core.errors import InvalidInput
from healthsvc.wire.events.times import EPOCH, MICROSECOND, parse_instant
from healthsvc.wire.sources.document import Protocol, Source
from healthsvc.wire.sources.expressions import ExpressionError

MAX_ITEMS: Final = 5000
SKEW_US: Final = 60_000_000
"""A sender's clock that is off by less is left as it is: the difference is the way of the call."""
_SERVER_LIBRARY: Final = re.compile(r"python|node|go$|java$|ruby|php|\.net|rust", re.IGNORECASE)


class MalformedCall(InvalidInput, ValueError):
    """The body isn't what the source takes."""


def items_of(source: Source, body: bytes, received_at: datetime) -> list[Any]:
    """The items of a call. Raises MalformedCall."""
    call = _json(body)
    if source.protocol != "json":
        items = _of_batch(source.protocol, call, received_at)
    else:
        items = _of_json(source, call)
    if len(items) > MAX_ITEMS:
        raise MalformedCall(f"The call has {len(items)} items; {MAX_ITEMS} at most.")
    return items


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedCall(f"The body isn't JSON: {error}"[:300]) from error


def _of_json(source: Source, call: Any) -> list[Any]:
    try:
        items = source.items(call)
    except ExpressionError as error:
        raise MalformedCall(f"The body has no items: {error}") from error
    if not isinstance(items, list):
        raise MalformedCall(f"The body has no items at `{source.items.text}`.")
    return items


def _of_batch(protocol: Protocol, call: Any, received_at: datetime) -> list[Any]:
    """The items of a batch, each with what the batch says of all of them; a single item is a batch
    of one."""
    if isinstance(call, list):
        call = {"batch": call}
    if not isinstance(call, dict):
        raise MalformedCall("The body must be an object.")
    batch = call.get("batch", [call])
    if not isinstance(batch, list):
        raise MalformedCall("`batch` must be an array.")
    if protocol == "segment":
        return [_segment(call, item, received_at) for item in batch]
    return [_posthog(call, item, received_at) for item in batch]


def _segment(call: Mapping[str, Any], item: Any, received_at: datetime) -> Any:
    if not isinstance(item, dict):
        return item
    shared, own = call.get("context"), item.get("context")
    context = (shared if isinstance(shared, dict) else {}) | (own if isinstance(own, dict) else {})
    sent_at = item.get("sentAt") or call.get("sentAt")
    original = item.get("originalTimestamp") or item.get("timestamp") or sent_at
    occurred_at = _corrected(original, sent_at, received_at, context)
    return item | {"context": context, "occurred_at": occurred_at}


def _corrected(
    original: object, sent_at: object, received_at: datetime, context: Mapping[str, Any]
) -> str:
    """When it happened, by our clock where a device's clock is clearly wrong."""
    happened = parse_instant(original) if isinstance(original, str) else None
    if happened is None:
        return received_at.isoformat()
    sent = parse_instant(sent_at) if isinstance(sent_at, str) else None
    skew = 0 if sent is None else _micros(received_at) - sent
    library = context.get("library")
    name = str(library.get("name", "")) if isinstance(library, dict) else ""
    if abs(skew) <= SKEW_US or _SERVER_LIBRARY.search(name):
        return str(original)
    return (EPOCH + (happened + skew) * MICROSECOND).isoformat()


def _micros(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def _posthog(call: Mapping[str, Any], item: Any, received_at: datetime) -> Any:
    """An item with the time of its batch, or of its arrival, where it has none of its own."""
    if not isinstance(item, dict):
        return item
    properties = item.get("properties")
    shared = properties if isinstance(properties, dict) else {}
    sent_at = call.get("timestamp") or call.get("sent_at")
    return item | {
        "properties": shared,
        "distinct_id": item.get("distinct_id") or shared.get("distinct_id"),
        "timestamp": item.get("timestamp") or sent_at or received_at.isoformat(),
    }


def key_of(body: bytes) -> str | None:
    """The write key that a body carries, as browsers and PostHog send it."""
    try:
        call = _json(body)
    except MalformedCall:
        return None
    if isinstance(call, list) and call:
        call = call[0]
    if not isinstance(call, dict):
        return None
    key = call.get("writeKey") or call.get("api_key") or call.get("token")
    return key if isinstance(key, str) else None


def of_type(body: bytes, kind: str) -> bytes:
    """A single message with its type, which its path alone says. Raises MalformedCall."""
    call = _json(body)
    if not isinstance(call, dict) or "batch" in call:
        return body
    return msgspec.json.encode({"type": kind} | call)
