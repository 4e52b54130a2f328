"""Frozen distributions: a customer is placed among its segment, by a curve that never grows when a
level falls."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.scorecard.cohort import NOT_TOLD, code
from healthsvc.core.scorecard.distributions import (
    EVERYBODY,
    at_percentile,
    by_segment,
    distributions,
    quantiles,
)
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire.scorecards.document import compile_document, default_document
from healthsvc.wire.scorecards.faults import doubts
from healthsvc.wire.scorecards.reference import with_reference
from tests.core.folded import Fold, at, us

_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEVELS = st.lists(st.floats(0, 1e6, allow_nan=False, width=32), min_size=2, max_size=30)


def place(level: float, segment: str, **known: list[float]) -> float:
    found = distributions({EVERYBODY: [1.0, 2.0, 3.0, 4.0], **known})
    return float(found.places(np.array([level]), np.array([code(segment)]))[0])


@pytest.mark.parametrize(
    ("level", "share"),
    [(0, 0), (0.5, 0.125), (1, 0.25), (1.5, 0.375), (2, 0.5), (3.5, 0.875), (4, 1), (99, 1)],
)
def test_a_level_is_placed_by_the_share_of_customers_at_or_below_it(
    level: float, share: float
) -> None:
    assert place(level, "new") == pytest.approx(share)


def test_a_segment_has_its_own_distribution_and_a_new_one_has_everybodys() -> None:
    small = [0.1, 0.2, 0.3, 0.4]
    assert place(0.4, "small", small=small) == 1
    assert place(0.4, "new", small=small) == pytest.approx(0.1)
    assert place(0.4, "", small=small) == pytest.approx(0.1)
    assert code("") == NOT_TOLD


def test_equal_levels_rank_alike_at_the_top_of_their_share() -> None:
    found = distributions({EVERYBODY: [0.0, 0.0, 5.0, 5.0, 5.0, 9.0]})
    at_five, below = found.places(np.array([5.0, 2.5]), np.zeros(2)).tolist()
    assert at_five == pytest.approx(5 / 6)
    assert below == pytest.approx(5 / 12)


@settings(max_examples=200, deadline=None)
@given(LEVELS, st.just(0.0) | st.floats(1e-9, 2e6), st.floats(0.001, 1))
def test_a_place_falls_with_its_level_and_never_faster_than_is_told(
    known: list[float], level: float, by: float
) -> None:
    """What the timers' lower bounds rest on."""
    found = distributions({EVERYBODY: sorted(known)})
    before, after = found.places(np.array([level, level * by]), np.zeros(2)).tolist()
    assert 0 <= after <= before <= 1
    assert after >= before * by**found.steepest * (1 - 1e-9)


def test_a_place_is_the_same_for_one_row_and_for_many() -> None:
    found = distributions({EVERYBODY: [0.3, 1.1, 2.7, 9.3], "a": [0.1, 0.7, 3.3]})
    levels, segments = (
        np.linspace(0, 12, 50),
        np.where(np.arange(50) % 2 == 0, code("a"), code("b")),
    )
    together = found.places(levels, segments)
    alone = [found.places(levels[i : i + 1], segments[i : i + 1])[0] for i in range(50)]
    assert together.tobytes() == np.array(alone).tobytes()


def test_too_few_customers_have_no_distribution() -> None:
    few = by_segment(np.arange(19.0), np.array(["a"] * 19))
    enough = by_segment(np.arange(40.0), np.array(["a"] * 21 + ["b"] * 19))
    assert few == {}
    assert enough.keys() == {EVERYBODY, "a"}


def test_quantiles_tell_the_value_at_a_percentile() -> None:
    assert at_percentile(quantiles(np.arange(101.0)), 90) == pytest.approx(90)


def ours(**more: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(default_document()) | more
    sessions = next(m for m in document["measures"] if m["name"] == "sessions")
    sessions["judge"] = {"kind": "segment", "at": 4}
    return document


def card(document: dict[str, Any]) -> Scorecard:
    return compile_document(yaml.safe_dump(document, sort_keys=False)).scorecard


KNOWN = {"measures": {"sessions": {"*": [1, 2, 3], "labs": [10, 20, 30]}}}


def test_the_same_use_is_much_in_one_segment_and_little_in_another() -> None:
    program = compile_document(yaml.safe_dump(ours(reference=KNOWN), sort_keys=False)).program
    sessions = [("session.started", {}, d) for d in (0, 1, 2)]
    values = []
    for segment in ("labs", "smb"):
        fold = Fold(program=program)
        told = [*sessions, ("customer.updated", {"segment": segment}, 3)]
        fold.feed(
            [
                {
                    "id": str(i),
                    "source": "t",
                    "type": kind,
                    "customer_id": "c",
                    "occurred_at": at(day),
                    "data": data,
                }
                for i, (kind, data, day) in enumerate(told)
            ]
        )
        k = [m.name for m in program.scorecard.scored_measures].index("sessions")
        values.append(float(fold.evaluate(us(3)).value[0, k]))
    assert values[0] < 0.15
    assert values[1] > 0.8


def test_without_a_reference_it_is_judged_as_a_target_and_validate_says_so() -> None:
    text = yaml.safe_dump(ours(), sort_keys=False)
    assert compile_document(text).scorecard.wants_reference
    assert [d.pointer for d in doubts(text) if "no reference" in d.detail] == ["/measures/3/judge"]
    given = yaml.safe_dump(ours(reference=KNOWN | {"mrr": [1, 2]}), sort_keys=False)
    assert not compile_document(given).scorecard.wants_reference
    assert [d for d in doubts(given) if "no reference" in d.detail] == []


def test_what_a_document_says_itself_stays_when_a_reference_is_frozen_with_it() -> None:
    text = yaml.safe_dump(ours(reference=KNOWN), sort_keys=False)
    made = with_reference(
        text,
        {"sessions": {"*": [7, 8]}, "feature_use": {"*": [1, 2]}},
        [10, 20],
        customers=99,
        taken_at=_NOON,
    )
    said = yaml.safe_load(made)["reference"]
    assert said["measures"] == {
        "sessions": KNOWN["measures"]["sessions"],
        "feature_use": {"*": [1, 2]},
    }
    assert said["mrr"] == [10, 20]
    assert said["customers"] == 99


def test_a_large_account_is_the_top_tenth_or_the_stated_figure() -> None:
    assert card(ours()).large_account.from_mrr == 1000
    assert card(ours(large_account={"mrr": 70})).large_account.from_mrr == 70
    known = ours(reference={"mrr": [0, 100]}, large_account={"percentile": 75, "mrr": 5})
    assert card(known).large_account.from_mrr == pytest.approx(75)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        (
            {"reference": {"measures": {"sessions": {"labs": [1, 2]}}}},
            "/reference/measures/sessions/*",
        ),
        (
            {"reference": {"measures": {"sessions": {"*": [2, 1]}}}},
            "/reference/measures/sessions/*",
        ),
        ({"reference": {"measures": {"sessions": {"*": [1]}}}}, "/reference/measures/sessions/*"),
        ({"reference": {"measure": {}}}, "/reference/measure"),
        ({"reference": {"mrr": ["much"]}}, "/reference/mrr"),
        ({"large_account": {"percentil": 90}}, "/large_account/percentil"),
        ({"large_account": {"percentile": 0}}, "/large_account/percentile"),
    ],
)
def test_a_faulty_reference_is_told_at_its_place(said: dict[str, Any], path: str) -> None:
    with pytest.raises(ScorecardError) as caught:
        card(ours(**said))
    assert caught.value.path == path
