"""An array's items stand or fall one by one; what isn't JSON is refused as a whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.wire.events import json_items as items_module
from healthsvc.wire.events.json_items import MAX_SLOW_BYTES, SLICE_BYTES, TooManyItemsError, read

TINY = b"[" + b"1," * 2_000_000 + b"1]"
DEEP = b"[" * 3000 + b"]" * 3000


def items_of(body: bytes, most: int = 1000) -> list[bytes]:
    """What the steps come to."""
    steps = read(body, most)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'[{"id": "a"}, 1]', [b'{"id": "a"}', b"1"]),
        (b'[{"id": "\\ud800"},{"id": "b"}]', [b'{"id": "\\ud800"}', b'{"id": "b"}']),
        (b'[1, {"a": ' + DEEP + b"} ,2]", [b"1", b'{"a": ' + DEEP + b"}", b"2"]),
        (b' [ "\\udfff,]" , "\xff" ] \n', [b'"\\udfff,]"', b'"\xff"']),
        (b"[]", []),
    ],
)
def test_each_item_is_given_as_it_stands(body: bytes, items: list[bytes]) -> None:
    assert items_of(body) == items


@pytest.mark.parametrize("body", [b'{"id": "\\ud800"}', b'{"a": ' + DEEP + b"}", b' "\\ud800" '])
def test_a_single_value_is_json_whatever_its_texts_hold_and_however_deep_it_is(body: bytes) -> None:
    items_of(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[1,", b"[NaN]", b'["\\ud800",]', b'["\\ud800"', b'["\\ud800"] 1',
        b'[,"\\ud800"]',
        b'["\\ud800" 1]', b'["\\ud800", NaN]', b'["\\ud800]', b'{"id": "\\ud800"',
        b'{"id": "\\ud800"} 1',
        b"[" * 3000 + b"]" * 2999,
        b'["\\udxyz"]', b"[[" + b"\xc2\xa0" + b'"\\ud800"]]',
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|truncated|deeply"):
        items_of(body)


def test_the_slow_way_is_for_bodies_of_an_honest_size() -> None:
    items_of(json.dumps(["\ud800"] * 1000).encode())
    with pytest.raises(ValueError, match=r"surrogate|hex"):
        items_of(json.dumps(["\ud800" * (MAX_SLOW_BYTES // 6 + 1)]).encode())


def test_an_array_of_too_many_items_is_refused_before_it_is_taken_apart() -> None:
    with pytest.raises(TooManyItemsError):
        items_of(TINY)


def test_what_looks_like_an_end_within_a_text_is_none_however_the_body_is_cut_into_slices() -> None:
    text = json.dumps('\\"],[' * 50_000)
    body = f'[{text},["\\ud800"],{text}]'.encode()

    assert len(body) > 3 * SLICE_BYTES
    assert items_of(body) == [text.encode(), b'["\\ud800"]', text.encode()]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=12,
)


@given(st.lists(values, max_size=8), st.integers(1, 9))
def test_cutting_an_array_gives_what_decoding_it_gives(
    listed: list[object], slice_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(items_module, "SLICE_BYTES", slice_bytes)
        patch.setattr(items_module, "QUICK_COMMAS", -1)

        pieces = items_of(json.dumps(listed, indent=1).encode())

    assert [json.loads(piece) for piece in pieces] == listed
