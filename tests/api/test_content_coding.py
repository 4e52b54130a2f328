"""Bodies that come compressed."""

import gzip
import zlib

import brotli
import pytest
import zstandard

from healthsvc.api.body_limit import BodyTooLargeError
from healthsvc.api.content_coding import MalformedBodyError, UnknownCodingError, decoded

TEXT = b'[{"id": "e-1"}]' * 500
LIMIT = len(TEXT)
PACKED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
}


@pytest.mark.parametrize("coding", PACKED)
def test_a_body_is_what_it_was_before_it_was_compressed(coding: str) -> None:
    assert decoded(PACKED[coding], f" {coding.upper()} ", LIMIT) == TEXT


def test_several_members_or_frames_in_a_row_are_one_body() -> None:
    half = len(TEXT) // 2
    for coding, pack in (("gzip", gzip.compress), ("zstd", zstandard.compress)):
        assert decoded(pack(TEXT[:half]) + pack(TEXT[half:]), coding, LIMIT) == TEXT


@pytest.mark.parametrize("coding", PACKED)
def test_a_body_that_is_cut_off_or_something_else_is_refused(coding: str) -> None:
    for broken in (PACKED[coding][:-3], PACKED[coding][: len(PACKED[coding]) // 2], TEXT):
        with pytest.raises(MalformedBodyError, match="Content-Encoding"):
            decoded(broken, coding, LIMIT)


@pytest.mark.parametrize("coding", PACKED)
def test_a_bomb_is_decompressed_no_further_than_the_limit(coding: str) -> None:
    zeros = bytes(64 * 1024 * 1024)
    bomb = {
        "br": lambda: brotli.compress(zeros, quality=1),
        "zstd": lambda: zstandard.compress(zeros),
    }.get(coding, lambda: gzip.compress(zeros, 1))()
    with pytest.raises(BodyTooLargeError):
        decoded(bomb, coding, 4096)


@pytest.mark.parametrize("coding", ["compress", "gzip, br", "deflate", "aes128gcm"])
def test_a_coding_that_is_not_read_is_named_with_those_that_are(coding: str) -> None:
    with pytest.raises(UnknownCodingError, match="gzip, br, zstd"):
        decoded(zlib.compress(TEXT), coding, LIMIT)


def test_no_coding_is_none() -> None:
    assert decoded(TEXT, "identity", 1) == TEXT
