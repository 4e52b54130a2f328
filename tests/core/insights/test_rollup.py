"""Customers rolled up to their parent, and the people at a customer: worked out by hand."""

import pytest

from healthsvc.core.insights.contacts import Person, status
from healthsvc.core.insights.rollup import Child, rollup
from healthsvc.core.instants import DAY_US

NOW = 1000 * DAY_US


def child(
    name: str, score: float | None, mrr: float | None, band: int | None = 0, depth: int = 1
) -> Child:
    return Child(
        customer_id=name, name=None, depth=depth, score=score, band=band, mrr=mrr, churned=False
    )


def gone(name: str, score: float, mrr: float) -> Child:
    return Child(customer_id=name, name=None, depth=1, score=score, band=3, mrr=mrr, churned=True)


def test_a_parents_score_is_the_mean_of_its_children_weighted_by_revenue() -> None:
    found = rollup(
        [child("a", 80, 300), child("b", 40, 100, band=2), child("c", None, 900, band=None)]
    )
    assert found is not None
    assert (found.score, found.weighted) == ((80 * 300 + 40 * 100) / 400, True)
    assert (found.worst and found.worst.customer_id, found.worst_band, found.children) == (
        "b",
        2,
        3,
    )


def test_children_without_revenue_weigh_nothing_unless_none_has_any() -> None:
    some, none = (rollup([child("a", 80, first), child("b", 40, None)]) for first in (10, 0))
    assert (some and some.score, some and some.weighted) == (80, True)
    assert (none and none.score, none and none.weighted) == (60, False)


def test_who_has_left_is_counted_and_weighs_nothing() -> None:
    found = rollup([child("a", 80, 100), gone("b", 5, 900), child("c", 70, 100, depth=2)])
    assert found is not None
    assert (found.score, found.left, found.children, found.descendants, found.depth) == (
        75,
        1,
        2,
        3,
        2,
    )
    assert (found.worst and found.worst.customer_id, found.worst_band) == ("c", 0)


def test_nobodys_parent_has_no_roll_up_and_unknown_children_no_score() -> None:
    unknown = rollup([child("a", None, 100, band=None)])
    assert rollup([]) is None
    assert unknown is not None
    assert (unknown.score, unknown.worst, unknown.worst_band) == (None, None, None)


PEOPLE: list[tuple[str, int, float, float, str]] = [
    ("did something lately", 9, 27.9, 0, "active"),
    ("was there, and did nothing for 28 days", 3, 28, 0, "quiet"),
    ("was hardly there", 2, 28, 0, "seldom"),
    ("only spoken with", 0, 0, 0, "seldom"),
    ("left after the last thing done", 9, 5, 4, "left"),
    ("left, they said, but was seen since", 9, 4, 5, "active"),
]


@pytest.mark.parametrize(
    ("events", "last", "left", "said"), [row[1:] for row in PEOPLE], ids=[row[0] for row in PEOPLE]
)
def test_who_went_quiet_differs_from_who_left_and_who_was_hardly_there(
    events: int, last: float, left: float, said: str
) -> None:
    """Days before now; 0 for never."""
    instants = [NOW - round(days * DAY_US) if days else 0 for days in (last, left)]
    person = Person(
        contact_id="ada", events=events, events_lately=0, first_us=1, last_us=instants[0], nps=None,
        nps_us=0,
        contacted_us=0, left_us=instants[1],
    )  # fmt: skip
    assert status(person, NOW) == said
