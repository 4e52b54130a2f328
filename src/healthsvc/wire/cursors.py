"""Opaque cursors: the place where a list goes on, bound to the list and the filter that it was made
for."""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from healthsvc.core.errors import InvalidInput

Key = str | int | float | None

MAX_LENGTH = 2048
INT64 = 2**63


class CursorError(InvalidInput, ValueError):
    """The cursor is invalid, or was made for another list or filter. Start again without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The sort keys of the row next to which the list goes on; `backwards` towards the list's
    beginning."""

    keys: tuple[Key, ...]
    backwards: bool = False


def binding(name: str, filters: Mapping[str, object]) -> str:
    """A short name for a list and its filter; filters that are None don't count."""
    parts = sorted((key, str(value)) for key, value in filters.items() if value is not None)
    return hashlib.blake2b(json.dumps([name, parts]).encode(), digest_size=6).hexdigest()


def encode(cursor: Cursor, bound_to: str) -> str:
    """The cursor as text that fits into a query string unquoted."""
    body = json.dumps([bound_to, int(cursor.backwards), *cursor.keys], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode(
    encoded: str, bound_to: str, shape: Sequence[type[str] | type[int] | type[float]]
) -> Cursor:
    """The cursor in `encoded`, whose keys have the types in `shape` (or are null). Raises
    CursorError.

    Nothing in a cursor is trusted: a forged one can at worst begin the list at another place.
    """
    backwards, keys = _parts(encoded, bound_to)
    if len(keys) != len(shape) or not all(
        _fits(key, kind) for key, kind in zip(keys, shape, strict=True)
    ):
        raise CursorError
    return Cursor(keys=tuple(keys), backwards=backwards)


def _parts(encoded: str, bound_to: str) -> tuple[bool, list[Key]]:
    try:
        if len(encoded) > MAX_LENGTH:
            raise ValueError
        body = json.loads(
            base64.urlsafe_b64decode(encoded.encode("ascii") + b"=" * (-len(encoded) % 4))
        )
        made_for, backwards, *keys = body
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise CursorError from error
    if made_for != bound_to or backwards not in (0, 1):
        raise CursorError
    return bool(backwards), keys


def _fits(key: object, kind: type) -> bool:
    """Whether PostgreSQL can take `key` as a value of `kind`."""
    if key is None:
        return True
    if isinstance(key, bool) or not isinstance(key, kind):
        return False
    if isinstance(key, int):
        return -INT64 < key < INT64
    if isinstance(key, float):
        return math.isfinite(key)
    return isinstance(key, str) and is_storable(key)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL's text can hold it: no U+0000, no lone surrogate."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
