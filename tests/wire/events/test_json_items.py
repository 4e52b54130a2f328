"""An array's items stand or fall one by one; what isn't JSON is refused as a whole."""

import json

import pytest

from healthsvc.wire.events.json_items import MAX_SLOW_BYTES, check_json, items_of

DEEP = b"[" * 3000 + b"]" * 3000


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
    check_json(body)

    assert items_of(body) == items


@pytest.mark.parametrize("body", [b'{"id": "\\ud800"}', b'{"a": ' + DEEP + b"}", b' "\\ud800" '])
def test_a_single_value_is_json_whatever_its_texts_hold_and_however_deep_it_is(body: bytes) -> None:
    check_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[1,", b"[NaN]", b'["\\ud800",]', b'["\\ud800"', b'["\\ud800"] 1', b'[,"\\ud800"]',
        b'["\\ud800" 1]', b'["\\ud800", NaN]', b'["\\ud800]', b'{"id": "\\ud800"', b'{"id": "\\ud800"} 1',
        b"[" * 3000 + b"]" * 2999,
        b'["\\udxyz"]', b"[[" + b"\xc2\xa0" + b'"\\ud800"]]',
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|truncated|deeply"):
        check_json(body)


def test_the_slow_way_is_for_bodies_of_an_honest_size() -> None:
    check_json(json.dumps(["\ud800"] * 1000).encode())
    with pytest.raises(ValueError, match=r"surrogate|hex"):
        check_json(json.dumps(["\ud800" * (MAX_SLOW_BYTES // 6 + 1)]).encode())
