"""The lifecycle stage: the sender's word first, then the scorecard's rules, each with its
reason."""

from typing import Any

import pytest
import yaml

from healthsvc.core.phrases.stages import stage_reason
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.core.scoring.lifecycle import stage_name
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.core.folded import at, us
from tests.core.scoring.test_evaluate import CANCELLED, Happening, fold, used

MANY: list[Happening] = [(d, "feature.used", {"feature": f}) for d, f in enumerate("abcdefgh")]
LARGER: Happening = (50, "subscription.changed", {"mrr": 900, "previous_mrr": 500})


def told(days: float, **profile: Any) -> Happening:
    return (days, "customer.updated", profile)


TABLE: list[tuple[str, list[Happening], float, str, str]] = [
    (
        "first seen lately",
        used(0, 1),
        29,
        "onboarding",
        "First seen less than 30 days ago; the date of the sale isn't known.",
    ),
    (
        "sold lately",
        [*used(0, 1), told(2, sold_at=at(10))],
        39,
        "onboarding",
        "Sold less than 30 days ago.",
    ),
    (
        "sold long ago, though new to us",
        [*used(0), told(2, sold_at=at(-90))],
        9,
        "adoption",
        "No rule of another stage applies.",
    ),
    (
        "onboarded, few functions shown",
        [*used(0, 1), told(1, features_owned=9)],
        30,
        "adoption",
        "No rule of another stage",
    ),
    (
        "most functions used once",
        [*MANY, told(1, features_owned=9)],
        60,
        "value",
        "At least 50% of their features have been used.",
    ),
    (
        "a larger plan",
        [*MANY, LARGER],
        60,
        "expansion",
        "Moved to a larger plan in the last 180 days.",
    ),
    ("a larger plan long ago", [*MANY, LARGER], 231, "value", "At least 50%"),
    (
        "seats nearly full",
        [*MANY, (9, "seats.changed", {"seats": 10, "active": 9})],
        60,
        "expansion",
        "At least 90% of the seats are in use.",
    ),
    (
        "recommends us",
        [*MANY, LARGER, (55, "referral.made", {})],
        60,
        "advocacy",
        "Recommended us in the last 180 days.",
    ),
    (
        "the renewal near",
        [*MANY, (55, "referral.made", {}), told(1, renewal_at=at(100))],
        60,
        "renewal",
        "Less than 90 days until the renewal.",
    ),
    (
        "as the team says",
        [*used(0, 1), told(2, stage="value")],
        10,
        "value",
        "Your own systems say so.",
    ),
    (
        "gone",
        [*used(0, 1), told(2, stage="value"), CANCELLED],
        10,
        "churned",
        "The subscription ended.",
    ),
]


@pytest.mark.parametrize(
    ("happenings", "day", "stage", "because"), [r[1:] for r in TABLE], ids=[r[0] for r in TABLE]
)
def test_a_customer_is_in_the_stage_and_for_the_reason_of_the_table(
    happenings: list[Happening], day: float, stage: str, because: str
) -> None:
    made = fold(*happenings)
    found = made.evaluate(us(day))
    assert stage_name(int(found.stages.stage[0])) == stage
    assert stage_reason(made.view(us(day)), found.stages, 0).startswith(because)


def test_where_no_rule_holds_the_stage_is_unknown_and_says_so() -> None:
    document = yaml.safe_load(default_document()) | {"lifecycle": []}
    made = fold(*used(0, 1))
    made.program = compile_document(yaml.safe_dump(document, sort_keys=False)).program
    found = made.evaluate(us(60))
    assert stage_name(int(found.stages.stage[0])) == "unknown"
    assert stage_reason(made.view(us(60)), found.stages, 0) == "No rule of the scorecard applies."


def test_the_built_in_rules_are_those_that_the_default_scorecard_writes_out() -> None:
    document = yaml.safe_load(default_document())
    written = compile_document(yaml.safe_dump(document, sort_keys=False)).scorecard.lifecycle
    del document["lifecycle"]
    assert (
        compile_document(yaml.safe_dump(document, sort_keys=False)).scorecard.lifecycle == written
    )


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"stage": "churned", "kind": "otherwise"}, "stage"),
        ({"stage": "value", "kind": "somehow"}, "kind"),
        ({"stage": "value", "kind": "fed"}, "measure"),
        ({"stage": "value", "kind": "fed", "measure": "advocasy"}, "measure"),
        ({"stage": "value", "kind": "ahead"}, "fact"),
        ({"stage": "value", "kind": "ratio", "fact": "seats_active"}, "to"),
        ({"stage": "value", "kind": "reached", "fact": "tickets_open"}, "fact"),
        ({"stage": "value", "kind": "young", "dayz": 3}, "dayz"),
    ],
)
def test_a_faulty_rule_is_told_at_its_place(rule: dict[str, Any], path: str) -> None:
    document = yaml.safe_load(default_document()) | {"lifecycle": [rule]}
    with pytest.raises(ScorecardError) as caught:
        compile_document(yaml.safe_dump(document, sort_keys=False))
    assert caught.value.path == f"/lifecycle/0/{path}"
