"""CloudEvents 1.0.2 to own envelopes: structured JSON, batches, binary mode over HTTP (`ce-`) and
Kafka (`ce_`).

`time` is occurred_at, `subject` or the extension `customerid` is customer_id, the extension
`contactid` is contact_id. Other extensions (partitioning key, tracing) are left aside. What the
envelope demands is checked in decode.
"""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec

from healthsvc.wire.events.json_items import Steps, read
from healthsvc.wire.events.rejects import FieldError, Reject, refuse

SPECVERSION: Final = "1.0"
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
JSON: Final = "application/json"
REQUIRED: Final = ("id", "source", "type")
POINTERS: Final = {"/occurred_at": "/time", "/customer_id": "/subject", "/contact_id": "/contactid"}
"""Where the faults of the own envelope lie in a CloudEvent."""

_JSON_TYPE = re.compile(r"[^;/\s]+/([^;\s]+\+)?json\s*(;.*)?", re.IGNORECASE)

Headers = Iterable[tuple[str, bytes | None]]


def is_binary(headers: Headers, prefix: str) -> bool:
    """Whether the headers carry a CloudEvent's attributes (`prefix` is "ce_" for Kafka, "ce-" for
    HTTP)."""
    header = f"{prefix}specversion"
    return any(name.lower() == header for name, _ in headers)


def media_type(content_type: str) -> str:
    """The bare, lower-case media type of a Content-Type."""
    return content_type.partition(";")[0].strip().lower()


def from_structured(event: Mapping[str, Any]) -> dict[str, Any] | Reject:
    """A CloudEvent as JSON object to an own envelope, not yet checked beyond what is CloudEvents'
    own."""
    if "data" in event and "data_base64" in event:
        return refuse(
            "invalid_envelope",
            "must not stand beside data: a CloudEvent has one of the two",
            "/data_base64",
        )
    attributes = {
        name: value
        for name, value in event.items()
        if name not in ("data", "data_base64") and value is not None
    }
    content_type = attributes.get("datacontenttype", JSON)
    if isinstance(data_text := event.get("data_base64"), str):
        try:
            body = b64decode(data_text, validate=True)
        except ValueError:
            return refuse("invalid_data", "must be base64", "/data_base64")
        return _own(attributes, _data_of(body, content_type, "/data_base64"))
    if event.get("data_base64") is not None:
        return refuse("invalid_data", "must be base64 text", "/data_base64")
    return _own(attributes, event.get("data"))


def from_binary(headers: Headers, body: bytes, prefix: str) -> dict[str, Any] | Reject:
    """A CloudEvent in binary mode to an own envelope: attributes in headers, `body` is the data."""
    attributes: dict[str, Any] = {}
    content_type = JSON
    for name, value in headers:
        lowered = name.lower()
        try:
            if lowered == "content-type":
                content_type = (value or b"").decode() or JSON
            elif lowered.startswith(prefix) and value is not None:
                attributes[lowered.removeprefix(prefix)] = _header_text(value, prefix)
        except UnicodeDecodeError:
            return refuse(
                "encoding", f"must be UTF-8: header {lowered}", f"/{lowered.removeprefix(prefix)}"
            )
    return _own(attributes, _data_of(body, content_type, "/data"))


def http_items(headers: Headers, body: bytes, most: int) -> Steps[list[bytes] | Reject]:
    """The records of a request's body, as bytes for decode: one or an array, own or CloudEvents in
    any mode.

    Raises ValueError where the body isn't JSON, TooManyItemsError above `most`.
    """
    listed = list(headers)
    if is_binary(listed, "ce-"):
        own = from_binary(listed, body, "ce-")
        return own if isinstance(own, Reject) else [msgspec.json.encode(own)]
    records = yield from read(body, most)
    if body.lstrip()[:1] != b"[":
        content_type = next(
            (_latin(value) for name, value in listed if name.lower() == "content-type"), ""
        )
        if media_type(content_type) == BATCH:
            return refuse("invalid_envelope", "must be a JSON array of CloudEvents")
    return records


def translated(reject: Reject) -> Reject:
    """The faults of an own envelope, pointing into the CloudEvent that it was made from."""
    errors = [
        FieldError(POINTERS.get(error.pointer, error.pointer), error.detail)
        for error in reject.errors
    ]
    return Reject(reject.index, reject.reason, errors)


def _own(attributes: Mapping[str, Any], data: object) -> dict[str, Any] | Reject:
    if isinstance(data, Reject):
        return data
    errors = list(_attribute_faults(attributes))
    if errors:
        return Reject(0, "invalid_envelope", errors)
    own = {
        "id": attributes["id"],
        "source": attributes["source"],
        "type": attributes["type"],
        "customer_id": attributes.get("customerid", attributes.get("subject")),
        "contact_id": attributes.get("contactid"),
        "occurred_at": attributes["time"],
        "data": data,
    }
    return {name: value for name, value in own.items() if value is not None}


def _attribute_faults(attributes: Mapping[str, Any]) -> Iterable[FieldError]:
    if (version := attributes.get("specversion")) != SPECVERSION:
        fault = "is required" if version is None else f"got {version!s:.20}"
        yield FieldError("/specversion", f'must be "{SPECVERSION}"; {fault}')
    for name in REQUIRED:
        value = attributes.get(name)
        if not isinstance(value, str) or not value:
            yield FieldError(f"/{name}", "is required: text that isn't empty")
    if "time" not in attributes:
        yield FieldError(
            "/time", "is required here: an RFC 3339 time with an offset or Z says when it happened"
        )
    if "customerid" not in attributes and "subject" not in attributes:
        yield FieldError(
            "/subject", "is required here: subject, or the extension customerid, names the customer"
        )


def _data_of(body: bytes, content_type: object, pointer: str) -> object:
    """The JSON value of binary data; None where there is none; a refusal where it isn't JSON."""
    if not body:
        return None
    if not isinstance(content_type, str) or not _JSON_TYPE.fullmatch(content_type):
        return refuse(
            "invalid_data",
            "must be JSON: datacontenttype application/json or ending in +json",
            "/datacontenttype",
        )
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        return refuse(
            "invalid_json",
            f"must be JSON: {str(error).removeprefix('JSON is malformed: ')}",
            pointer,
        )


def _latin(value: bytes | None) -> str:
    return (value or b"").decode("latin-1")


def _header_text(value: bytes, prefix: str) -> str:
    """Kafka's values are UTF-8 as they stand; HTTP's may be quoted, and are percent-encoded."""
    if prefix != "ce-":
        return value.decode()
    if len(value) >= 2 and value[:1] == value[-1:] == b'"':
        value = re.sub(rb"\\(.)", rb"\1", value[1:-1])
    return unquote_to_bytes(value).decode()
