"""Whose event a record was that can't be read as one: the customer it names, if that much can be
read."""

from collections.abc import Sequence
from typing import Final

import msgspec

from healthsvc.wire.cursors import is_storable

MOST: Final = 512
"""Characters; a longer name is none."""
HEADERS: Final = ("ce_customerid", "ce_subject")


class _Said(msgspec.Struct):
    customer_id: object = None
    specversion: object = None
    customerid: object = None
    subject: object = None


_decode = msgspec.json.Decoder(_Said).decode


def customer_of(
    value: bytes, headers: Sequence[tuple[str, bytes | None]] | None = None
) -> str | None:
    """The customer that a record names, in its own form or as a CloudEvent; None where it names
    none."""
    by_name = dict(headers or ())
    for name in HEADERS:
        header = by_name.get(name)
        if header is not None:
            return _name(header.decode("utf-8", "replace"))
    try:
        names = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    cloud = names.customerid or names.subject if names.specversion is not None else None
    return _name(names.customer_id or cloud)


def _name(value: object) -> str | None:
    return (
        value if isinstance(value, str) and 0 < len(value) <= MOST and is_storable(value) else None
    )
