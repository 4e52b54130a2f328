"""Compressed request bodies: gzip, Brotli and Zstandard (RFC 9110, `Content-Encoding`)."""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import brotli
import zstandard

from healthsvc.api.body_limit import BodyTooLargeError
from healthsvc.core.errors import InvalidInput

_ZSTD_WINDOW: Final = 8 * 1024 * 1024
"""The largest window that RFC 9659 lets senders use."""
_STEP: Final = 64 * 1024


class MalformedBodyError(InvalidInput):
    """The body isn't what its `Content-Encoding` says."""


class UnknownCodingError(InvalidInput):
    """A coding that isn't read, or several on top of each other."""


def decoded(body: bytes, coding: str, limit: int) -> bytes:
    """The body without its coding, at most `limit` bytes: no more is ever decompressed.

    coding: the header's value; identity leaves the body as it is. Raises UnknownCodingError,
    MalformedBodyError, BodyTooLargeError.
    """
    name = coding.strip().lower()
    if name in ("", "identity"):
        return body
    decode = _DECODERS.get(name)
    if decode is None:
        raise UnknownCodingError(f"Send the body as it is, or with one of {', '.join(CODINGS)}.")
    try:
        content = decode(body, limit)
    except (zlib.error, brotli.error, zstandard.ZstdError, EOFError) as error:
        raise MalformedBodyError(f"The body isn't {name}, as its Content-Encoding says.") from error
    if len(content) > limit:
        raise BodyTooLargeError(limit)
    return content


def _gzip(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size, rest = 0, body
    while rest and size <= limit:  # a body may hold several members
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(rest, limit + 1 - size)
        parts.append(part)
        size += len(part)
        if not member.eof and size <= limit:
            raise EOFError
        rest = member.unused_data
    if not parts:
        raise EOFError
    return b"".join(parts)


def _brotli(body: bytes, limit: int) -> bytes:
    decompressor = brotli.Decompressor()
    parts = [decompressor.process(body, output_buffer_limit=_STEP)]
    size = len(parts[0])
    while size <= limit and not decompressor.is_finished():
        if decompressor.can_accept_more_data():
            raise EOFError
        parts.append(decompressor.process(b"", output_buffer_limit=_STEP))
        size += len(parts[-1])
    return b"".join(parts)


def _zstd(body: bytes, limit: int) -> bytes:
    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
        body, read_across_frames=True
    )
    content: bytes = reader.read(limit + 1)
    if len(content) <= limit and not _is_whole(body):
        raise EOFError
    return content


def _is_whole(body: bytes) -> bool:
    """Whether the last frame ends with the body."""
    rest = body
    while rest:
        frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        frame.decompress(rest)
        if not frame.eof:
            return False
        rest = frame.unused_data
    return bool(body)


_DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "br": _brotli,
    "zstd": _zstd,
}
CODINGS: Final = ("gzip", "br", "zstd")
"""As `Accept-Encoding` of an answer names them."""
