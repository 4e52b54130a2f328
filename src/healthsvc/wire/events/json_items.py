"""The items of a JSON body, one by one: an item that can't be read must not take the others with
it.

The quick way is msgspec's, which gives up on a whole body that holds a lone surrogate or is nested
very deeply, though either is JSON, and is slow on a body of millions of tiny items. Then the array
is cut at its commas by numpy, a slice at a time, and each item is left to stand or fall for itself.
`read` is a generator so that its caller can do something else between two slices: no step of it
takes longer than some milliseconds.
"""

import json
from collections.abc import Generator
from itertools import pairwise
from typing import Final, NoReturn, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from healthsvc.core.errors import InvalidInput

QUICK_COMMAS: Final = 32_000
SLICE_BYTES: Final = 128 * 1024
MAX_SLOW_BYTES: Final = (
    1024 * 1024
)  # the standard library is slower by far, so that nobody may ask for much of it

T = TypeVar("T")
Steps = Generator[None, None, T]

_BLANK: Final = b" \t\n\r"
_raw: Final = msgspec.json.Decoder(msgspec.Raw).decode
_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class TooManyItemsError(InvalidInput, ValueError):
    """The array has more items than are allowed."""


def read(body: bytes, most: int) -> Steps[list[bytes]]:
    """The items of an array as they stand, or the only value. Raises ValueError,
    TooManyItemsError."""
    is_array = body.lstrip(_BLANK)[:1] == b"["
    fault = "The body can't be read as JSON."
    if body.count(b",") <= QUICK_COMMAS:
        try:
            return [bytes(item) for item in _array(body)] if is_array else [bytes(_raw(body))]
        except (msgspec.DecodeError, RecursionError) as error:
            fault = _detail(error)
        if len(body) > MAX_SLOW_BYTES:
            raise ValueError(fault)
    yield
    items = yield from (_cut(body, most) if is_array else _whole(body))
    yield from _check(items, fault)
    return items


def _check(items: list[bytes], fault: str) -> Steps[None]:
    """Each item is JSON, or nested too deeply to tell. Raises ValueError."""
    read_bytes = 0
    for item in items:
        try:
            _raw(item)
        except RecursionError:
            pass
        except msgspec.DecodeError as error:
            if not _is_json(item):
                raise ValueError(fault if len(items) == 1 else _detail(error)) from error
        read_bytes += len(item)
        if read_bytes > SLICE_BYTES:
            read_bytes = 0
            yield


def _detail(error: Exception) -> str:
    return "The body is nested too deeply." if isinstance(error, RecursionError) else str(error)


def _is_json(item: bytes) -> bool:
    """The standard library reads it, which takes lone surrogates."""
    if len(item) > MAX_SLOW_BYTES:
        return False
    text = item.decode(errors="surrogateescape")
    try:
        _, end = _decoder.raw_decode(text)
    except RecursionError:
        return True
    except ValueError:
        return False
    return end == len(text)


def _whole(body: bytes) -> Steps[list[bytes]]:
    """The only value of a body, whose brackets are closed. Raises ValueError."""
    depth = 0
    for _, _, depths in _outlines(body):
        depth = int(depths[-1])
        yield
    if depth != 0:
        raise ValueError("JSON is malformed: it ends too early, or brackets aren't closed.")
    return [body.strip(_BLANK)]


def _cut(body: bytes, most: int) -> Steps[list[bytes]]:
    """The items of an array, cut at its own commas. Raises ValueError, TooManyItemsError."""
    start, commas, end = body.index(b"[") + 1, [], -1
    for offset, signs, depths in _outlines(body):
        if end < 0:
            closed = np.flatnonzero((depths == 0) & (signs == ord("]")))
            end = offset + int(closed[0]) if len(closed) else -1
        separators = np.flatnonzero((depths == 1) & (signs == ord(",")))
        commas += (separators[: most + 1] + offset).tolist()
        if len(commas) >= most:
            raise TooManyItemsError(f"The body has more than {most} events.")
        yield
    if end < 0 or body[end + 1 :].strip(_BLANK):
        raise ValueError("JSON is malformed: it ends too early, or brackets aren't closed.")
    return _pieces(body, [start - 1, *commas, end])


def _pieces(body: bytes, signs: list[int]) -> list[bytes]:
    pieces = [body[a + 1 : b].strip(_BLANK) for a, b in pairwise(signs)]
    if pieces == [b""]:
        return []
    if b"" in pieces:
        raise ValueError("JSON is malformed: a value is missing between two commas")
    return pieces


def _outlines(
    body: bytes,
) -> Generator[tuple[int, NDArray[np.uint8], NDArray[np.int32]], None, None]:
    """The body slice by slice: offset, its bytes (0 within strings), and how many brackets are open
    behind each."""
    escaped, in_string, depth = False, False, 0
    for offset in range(0, len(body), SLICE_BYTES):
        piece = body[offset : offset + SLICE_BYTES]
        piece = (b"_" + piece[1:] if escaped else piece).replace(b"\\\\", b"__")
        escaped = piece.endswith(b"\\")
        letters = np.frombuffer(piece.replace(b'\\"', b"__"), np.uint8)
        within = np.logical_xor.accumulate(letters == ord('"')) ^ in_string
        in_string = bool(within[-1])
        signs = np.where(within, np.uint8(0), letters)
        steps = _OPENS[signs]
        depths = np.cumsum(steps, dtype=np.int32) + np.int32(depth)
        depth = int(depths[-1])
        yield offset, signs, depths


_OPENS: Final = np.zeros(256, np.int8)
_OPENS[[ord("["), ord("{")]] = 1
_OPENS[[ord("]"), ord("}")]] = -1


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} isn't JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_refuse)
