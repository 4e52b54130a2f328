"""Cursors of the change feed: a place for each partition, as short text that fits into a query or a
header unquoted.

A version, a number per partition in ascending order from -1 on (LEB128, seven bits a byte), and two
bytes of a digest that catch what was cut or mistyped.
"""

import base64
import binascii
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from healthsvc.core.changes.position import SERVICE, Place
from healthsvc.wire.cursors import CursorError

NOW: Final = "now"
"""In place of a cursor: the present end of the feed."""
MAX_LENGTH: Final = 32_768
_VERSION: Final = 1
_CHECK: Final = 2
_LARGEST: Final = 1 << 63


def encode(place: Place) -> str:
    """The place as text."""
    content = bytearray((_VERSION,))
    for partition in range(SERVICE, max(place, default=SERVICE - 1) + 1):
        content += _number(place.get(partition, 0))
    return base64.urlsafe_b64encode(bytes(content) + _digest(content)).decode().rstrip("=")


def decode(text: str) -> dict[int, int]:
    """The place in a text. Raises CursorError."""
    try:
        if len(text) > MAX_LENGTH:
            raise ValueError
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True)
        if content[-_CHECK:] != _digest(content[:-_CHECK]) or content[0] != _VERSION:
            raise ValueError
        return dict(enumerate(_numbers(content[1:-_CHECK]), SERVICE))
    except (ValueError, IndexError, binascii.Error) as error:
        raise CursorError from error


def _number(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _numbers(content: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in content:
        value |= (byte & 0x7F) << shift
        if value >= _LARGEST:
            raise ValueError
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
    if shift:
        raise ValueError


def _digest(content: bytes | bytearray) -> bytes:
    return blake2b(content, digest_size=_CHECK, person=b"changes").digest()
