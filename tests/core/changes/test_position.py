"""Places in the change feed: what lies behind them, what is past its time, what nobody gave out."""

from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.changes import position
from healthsvc.core.changes.position import Extent

EXTENTS = st.dictionaries(
    st.integers(-1, 5),
    st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda p: Extent(min(p), max(p))),
    max_size=5,
)


@given(EXTENTS, st.integers(1, 20))
def test_from_the_beginning_every_kept_position_is_read_once_and_in_order(
    extents: dict[int, Extent], at_once: int
) -> None:
    place, read = position.beginning(extents), dict[int, list[int]]()

    while position.is_behind(place, extents):
        for span in position.next_spans(place, extents, at_once):
            read.setdefault(span.partition, []).extend(range(span.first, span.below))
            place[span.partition] = span.below

    expected = {p: list(range(e.oldest, e.head)) for p, e in extents.items() if e.oldest < e.head}
    assert read == expected
    assert place == position.end(extents)


def test_a_partition_that_came_later_is_read_from_its_first_change_on() -> None:
    extents = {0: Extent(0, 3), 4: Extent(0, 2)}

    assert [(s.partition, s.first, s.below) for s in position.next_spans({0: 3}, extents, 9)] == [
        (4, 0, 2)
    ]
    assert not position.is_expired({0: 3}, extents)
    assert position.is_expired({0: 3}, {0: Extent(0, 3), 4: Extent(1, 2)})


def test_a_place_beyond_what_was_written_was_never_given_out() -> None:
    assert position.is_foreign({0: 4}, {0: Extent(0, 3)})
    assert position.is_foreign({7: 1}, {0: Extent(0, 3)})
    assert not position.is_foreign({0: 3, 7: 0}, {0: Extent(0, 3)})
