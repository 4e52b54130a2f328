"""Headers as dead letters show them can be stored, and turned back to the bytes they were."""

import json

from hypothesis import given
from hypothesis import strategies as st

from healthsvc.wire.events.dead_letter_text import (
    HEADERS_BYTES,
    headers_json,
    headers_of,
    unescaped,
)

NAMES = st.binary(max_size=12).map(lambda name: name.decode("utf-8", "surrogateescape"))
HEADERS = st.lists(
    st.tuples(NAMES, st.none() | st.binary(max_size=40)),
    max_size=6,
    unique_by=lambda header: header[0],
)


@given(HEADERS)
def test_headers_come_back_as_they_were(headers: list[tuple[str, bytes | None]]) -> None:
    assert headers_of(json.loads(headers_json(headers))) == headers


@given(HEADERS)
def test_headers_can_be_stored_as_jsonb(headers: list[tuple[str, bytes | None]]) -> None:
    shown = headers_json(headers)
    told = json.loads(shown)
    for text in [*told, *(value for value in told.values() if value is not None)]:
        assert "\0" not in text
        assert text.encode() == text.encode("utf-8", "surrogatepass")


def test_plain_text_stays_as_it_is_and_null_is_null() -> None:
    shown = headers_json([("a", b"C:\\temp \xc3\xa9"), ("b", None), ("c", b"1"), ("c", b"2")])
    assert json.loads(shown) == {"a": "C:\\temp \u00e9", "b": None, "c": ["1", "2"]}


def test_letters_stored_before_names_were_escaped_are_read_as_they_were_meant() -> None:
    assert unescaped("a\\0b\\xff") == b"a\0b\xff"


def test_headers_of_a_hundred_megabytes_are_cut_off() -> None:
    assert len(headers_json([("x", b"\xff" * (1 << 20))] * 100)) < 10 * HEADERS_BYTES
