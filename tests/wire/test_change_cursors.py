"""Cursors of the change feed say their place, and nothing that was cut or mistyped is taken for
one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.wire import change_cursors
from healthsvc.wire.cursors import CursorError

PLACES = st.lists(st.integers(0, (1 << 63) - 1), max_size=20)


@given(PLACES)
def test_a_cursor_says_its_place_in_characters_that_urls_and_headers_take(
    positions: list[int],
) -> None:
    place = dict(enumerate(positions, -1))

    cursor = change_cursors.encode(place)

    assert change_cursors.decode(cursor) == place
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)


def test_partitions_that_are_not_named_stand_at_their_first_change() -> None:
    assert change_cursors.decode(change_cursors.encode({2: 5})) == {-1: 0, 0: 0, 1: 0, 2: 5}


@pytest.mark.parametrize(
    "text", ["", "x", "é", "AQ", "now", "AQEABwAAVqp", "A" * 40_000, "AQEABwAAVqo=x"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        change_cursors.decode(text)


def test_a_cursor_with_a_character_less_is_refused() -> None:
    cursor = change_cursors.encode({-1: 3, 0: 1_000, 1: 70})

    for at in range(len(cursor)):
        with pytest.raises(CursorError):
            change_cursors.decode(cursor[:at] + cursor[at + 1 :])
