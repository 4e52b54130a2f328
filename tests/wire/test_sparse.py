"""`fields` leaves the members that are named, and knows which there are."""

from typing import Any

import pytest

from healthsvc.wire.rest import sparse
from healthsvc.wire.rest.customers.customer import Customer
from healthsvc.wire.rest.customers.explanations import Explanation
from healthsvc.wire.rest.worklist import WorkItem

ANSWER: dict[str, Any] = {
    "a": 1,
    "b": {"c": [{"d": 1, "e": 2}, {"d": 3, "e": 4}], "f": {"g": 5}},
    "n": None,
}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ANSWER),
        (["a"], {"a": 1}),
        (["b.c.d"], {"b": {"c": [{"d": 1}, {"d": 3}]}}),
        (["b.f.g", "b.c.e", "a"], {"a": 1, "b": {"c": [{"e": 2}, {"e": 4}], "f": {"g": 5}}}),
        (["b.f.g", "b"], {"b": ANSWER["b"]}),
        (["b", "b.f.g"], {"b": ANSWER["b"]}),
        (["n.m"], {"n": None}),
    ],
)
def test_an_answer_keeps_the_members_that_are_named(
    names: list[str], expected: dict[str, Any]
) -> None:
    assert sparse.select(ANSWER, names) == expected


def test_each_item_of_a_list_keeps_them() -> None:
    assert sparse.select([{"a": 1, "b": 2}, {"b": 3}], ["b"]) == [{"b": 2}, {"b": 3}]


def test_names_are_separated_by_commas_or_repeated_and_count_once() -> None:
    assert sparse.split(["score, band", "score,", "contact.cap"]) == (
        "score",
        "band",
        "contact.cap",
    )


@pytest.mark.parametrize(
    ("model", "names", "unknown"),
    [
        (Customer, ["score", "contact.windows.from", "loyalty.loyalty"], ["loyalty.loyalty"]),
        (Customer, ["profile.attributes.tier", "profile", "profilex.a"], ["profilex.a"]),
        (Customer, ["score.points", "contact.begin"], ["score.points", "contact.begin"]),
        (
            Explanation,
            ["contributions.events.type", "contributions.event"],
            ["contributions.event"],
        ),
        (WorkItem, ["briefing.money.mrr", "alert.detail.score", "rank"], []),
        (Customer, ["", ".", "score."], ["", ".", "score."]),
    ],
)
def test_members_that_there_are_not_are_named(
    model: type[Any], names: list[str], unknown: list[str]
) -> None:
    assert sparse.unknown(names, model) == unknown
