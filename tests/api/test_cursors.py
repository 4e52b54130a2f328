import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.wire.cursors import Cursor, CursorError, binding, decode, encode

KEYS = st.tuples(
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1),
)


@given(keys=KEYS, backwards=st.booleans())
def test_a_cursor_comes_back_as_it_was_made(
    keys: tuple[float | None, int], backwards: bool
) -> None:
    cursor = Cursor(keys=keys, backwards=backwards)

    assert decode(encode(cursor, "list"), "list", (float, int)) == cursor


def test_a_cursor_of_another_filter_is_refused() -> None:
    made_for = binding("alerts", {"state": "open"})
    encoded = encode(Cursor(keys=(1,)), made_for)

    with pytest.raises(CursorError):
        decode(encoded, binding("alerts", {"state": "resolved"}), (int,))


def test_filters_that_are_not_set_do_not_count() -> None:
    assert binding("alerts", {"state": None, "kind": "silent"}) == binding(
        "alerts", {"kind": "silent"}
    )


@given(st.text(max_size=100))
def test_whatever_is_sent_as_a_cursor_is_refused_in_one_way(encoded: str) -> None:
    with pytest.raises(CursorError):
        decode(encoded, "list", (int,))


@pytest.mark.parametrize(
    "keys",
    [
        ["x"],
        [1.5],
        [True],
        [2**63],
        [],
        [1, 2],
        [[1]],
        ["\0"],
        [float("inf")],
        [{"a": 1}],
        ["\ud800"],
    ],
)
def test_keys_of_another_kind_are_refused(keys: list[object]) -> None:
    encoded = base64.urlsafe_b64encode(json.dumps(["list", 0, *keys]).encode()).decode()

    with pytest.raises(CursorError):
        decode(encoded, "list", (int,))
