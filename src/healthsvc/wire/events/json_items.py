"""The items of a JSON array, one by one: an item that can't be read must not take the others with it.

The quick way is msgspec's, which gives up on a whole body that holds a lone surrogate or is nested very deeply, though
either is JSON. Then the array is read by the standard library, and each item is left to stand or fall for itself.
"""

import json
import re
from typing import Final, NoReturn

import msgspec

MAX_SLOW_BYTES: Final = 1024 * 1024  # the second way is slower by far, so that nobody may ask for much of it
MAX_SLOW_ITEMS: Final = 10_000

_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]|[^"\[\]{}]+', re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_raw: Final = msgspec.json.Decoder(msgspec.Raw).decode
_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def check_json(body: bytes) -> None:
    """The body is JSON. Raises ValueError, with what is wrong and where."""
    try:
        _raw(body)
    except (msgspec.DecodeError, RecursionError) as error:
        if _read(body) is None:
            told = "The body is nested too deeply." if isinstance(error, RecursionError) else str(error)
            raise ValueError(told) from error


def items_of(body: bytes) -> list[bytes]:
    """The items of an array that has passed `check_json`, as they stand."""
    try:
        return [bytes(item) for item in _array(body)]
    except (msgspec.DecodeError, RecursionError):
        return _read(body) or []


def _read(body: bytes) -> list[bytes] | None:
    """The items of an array, or the only value; None if that isn't JSON, or is too much for the slow way."""
    if len(body) > MAX_SLOW_BYTES:
        return None
    text = body.decode(errors="surrogateescape").strip(" \t\n\r")
    try:
        spans = _spans(text) if text[:1] == "[" else [_whole(text)]
    except ValueError:
        return None
    return [text[start:end].encode(errors="surrogateescape") for start, end in spans]


def _whole(text: str) -> tuple[int, int]:
    if _end_of(text, 0) != len(text):
        raise ValueError("there is more behind the value")
    return 0, len(text)


def _spans(array: str) -> list[tuple[int, int]]:
    """Where each item begins and ends. Raises ValueError."""
    found: list[tuple[int, int]] = []
    at, sign = 1, ","
    while sign == "," and len(found) < MAX_SLOW_ITEMS:
        start = _after_space(array, at)
        end = _end_of(array, start)
        found.append((start, end))
        at = _after_space(array, end) + 1
        sign = array[at - 1 : at]
    if sign != "]" or at != len(array):
        raise ValueError("the array doesn't end where it should")
    return found


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _end_of(text: str, start: int) -> int:
    """The end of the value that begins there. Raises ValueError."""
    try:
        _, end = _decoder.raw_decode(text, start)
    except RecursionError:
        return _matching(text, start)
    return end


def _matching(text: str, start: int) -> int:
    """The end of something that is nested far deeper than an event may be: where its brackets are closed."""
    depth, reached = 0, start
    for token in _TOKENS.finditer(text, start):
        if token.start() != reached:
            break
        reached = token.end()
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return reached
    raise ValueError("brackets aren't closed")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} isn't JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_refuse)
