"""Decompresses record batches up to MAX_BYTES: a megabyte on the wire may hold gigabytes of
zeros."""

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import cramjam
import numpy as np
from aiokafka import codec as aiokafka_codec

from healthsvc.core.errors import InvalidInput

MAX_BYTES: Final = 128 << 20
"""Of one decompressed batch; a batch of events seldom has one."""
_LZ4_RATIO: Final = 255
"""What one byte of LZ4 can stand for, at most."""
_XERIAL: Final = b"\x82SNAPPY\0"
_XERIAL_HEADER_BYTES: Final = 16


class Oversized(InvalidInput, ValueError):
    """The batch is larger than MAX_BYTES when decompressed."""

    def __init__(self) -> None:
        super().__init__(f"decompressed, the batch has more than {MAX_BYTES} bytes")


def gzip_decode(payload: Any) -> bytes:
    """The members of a gzip file, joined."""
    data, parts, remaining = bytes(payload), [], MAX_BYTES
    while data:
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(data, remaining + 1)
        remaining -= len(part)
        if remaining < 0:
            raise Oversized
        if not member.eof:
            raise ValueError("the gzip data ends too early")
        parts.append(part)
        data = member.unused_data.lstrip(b"\0")
    return b"".join(parts)


def snappy_decode(payload: Any) -> bytes:
    """One block of snappy, or many in the framing of xerial's library."""
    data = memoryview(payload).cast("B")
    blocks = [data]
    if bytes(data[: len(_XERIAL)]) == _XERIAL:
        blocks = _xerial_blocks(data)
    if sum(cramjam.snappy.decompress_raw_len(block) for block in blocks) > MAX_BYTES:
        raise Oversized
    return b"".join([bytes(cramjam.snappy.decompress_raw(block)) for block in blocks])


def _xerial_blocks(data: memoryview) -> list[memoryview]:
    blocks, at = [], _XERIAL_HEADER_BYTES
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        if size <= 0 or at + 4 + size > len(data):
            raise ValueError(f"a block of snappy can't have {size} bytes")
        blocks.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return blocks


def lz4_decode(payload: Any) -> bytes:
    """Frames of LZ4."""
    return _decoded_into(cramjam.lz4, payload, min(MAX_BYTES, len(payload) * _LZ4_RATIO + 64))


def zstd_decode(payload: Any) -> bytes:
    """Frames of Zstandard."""
    return _decoded_into(cramjam.zstd, payload, MAX_BYTES)


def _decoded_into(codec: Any, payload: Any, most: int) -> bytes:
    """The memory is taken from the system page by page, as far as it is written to."""
    room = np.empty(most, np.uint8)
    try:
        size = codec.decompress_into(payload, room)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error) and most == MAX_BYTES:
            raise Oversized from error
        raise ValueError(f"the compressed data can't be read: {error}") from error
    return room[:size].tobytes()


DECODERS: Final[Mapping[int, Callable[[Any], bytes]]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
"""By the number in a batch's attributes."""


def bound_aiokafka() -> None:
    """Make aiokafka's parsers decompress with these functions; its own have no size limit."""
    from aiokafka.record import default_records, legacy_records  # patched as they are used

    parsers: list[Any] = [aiokafka_codec, default_records, legacy_records]
    try:
        from aiokafka.record._crecords import default_records as compiled
        from aiokafka.record._crecords import legacy_records as compiled_legacy
    except ImportError:
        pass
    else:
        parsers += [compiled, compiled_legacy]
    for parser in parsers:
        for decoder in DECODERS.values():
            if hasattr(parser, decoder.__name__):
                setattr(parser, decoder.__name__, decoder)
