"""The form of an API key, as GitHub's: a prefix, 30 random characters, and a checksum that finds
typing mistakes."""

import string
import zlib
from collections.abc import Callable
from typing import Literal, get_args

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX = "hsk_"
RANDOM_LENGTH = 30
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = len(PREFIX) + 4

Scope = Literal[
    "events:write",
    "customers:read",
    "customers:write",
    "alerts:write",
    "webhooks:admin",
    "scorecards:admin",
    "admin",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def make(choose: Callable[[str], str]) -> str:
    """A new key; `choose` picks one character of those given, at random."""
    body = "".join(choose(ALPHABET) for _ in range(RANDOM_LENGTH))
    return PREFIX + body + checksum(body)


def checksum(body: str) -> str:
    """CRC32 of the random part in base62, padded to six characters."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def well_formed(key: str) -> bool:
    """Whether `key` has the form of an API key, checked without the database."""
    body, check = key[len(PREFIX) : -CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
    return (
        key.isascii()
        and key.startswith(PREFIX)
        and len(body) == RANDOM_LENGTH
        and all(character in ALPHABET for character in body)
        and checksum(body) == check
    )


def shortened(key: str) -> str:
    """The beginning of a key, which identifies it in lists."""
    return key[:SHOWN_LENGTH] + "…"
