"""The three readings of a pricing page, each told by its evidence, as a customer-success team would
tell them."""

from typing import Any, get_args

import pytest

from healthsvc.core.insights.interpretations import FLAG, ReadingName, Review, review
from healthsvc.core.insights.page_visits import PageVisit
from healthsvc.core.languages import LANGUAGES
from healthsvc.core.phrases import insights, openings
from tests.core.folded import at, flags, us
from tests.core.scoring.test_evaluate import (
    FILED,
    OVERDUE,
    Happening,
    contact,
    fold,
    nps,
    page,
    used,
)

PRICES: list[Happening] = [page(100, "pricing"), page(100, "plans")]
READINGS: tuple[ReadingName, ...] = get_args(ReadingName)
STEADY = used(*[d * 1.0 for d in range(100)])
NOW = 100


def csat(days: float, score: float) -> Happening:
    return (days, "survey.answered", {"survey": "csat", "score": score})


def seats(days: float, owned: int, active: int) -> Happening:
    return (days, "seats.changed", {"seats": owned, "active": active})


def plan(days: float, mrr: float, before: float) -> Happening:
    return (days, "subscription.changed", {"mrr": mrr, "previous_mrr": before})


def renewal(days: float) -> Happening:
    return (1, "customer.updated", {"renewal_at": at(days)})


def looked(kind: str, days: float = 99) -> PageVisit:
    return PageVisit(
        kind=kind, function=None, us=us(days), event_id="p", source="web", type="page.viewed"
    )


def read(*happenings: Happening, seen: tuple[PageVisit, ...] = ()) -> Review:
    return review(fold(*PRICES, *happenings).view(us(NOW)), 0, seen)


def evidence(found: Review) -> dict[str, set[str]]:
    return {r.reading: {s.sign for s in r.evidence} for r in found.readings if r.evidence}


EVIDENCE: list[tuple[str, str, str, list[Happening], tuple[PageVisit, ...]]] = [
    ("use that falls", "doubts_the_cost", "falling_use", used(*range(80)), ()),
    ("an open complaint", "doubts_the_cost", "complaint_open", [FILED], ()),
    ("a detractor's answer", "doubts_the_cost", "low_nps", [nps(60, 4)], ()),
    ("dissatisfied", "doubts_the_cost", "low_csat", [csat(60, 2)], ()),
    (
        "the cancel page was looked at",
        "doubts_the_cost",
        "cancel_page",
        [page(90, "account/cancel")],
        (),
    ),
    ("a smaller plan", "doubts_the_cost", "contraction", [plan(60, 500, 900)], ()),
    ("seats that stand idle", "doubts_the_cost", "seats_idle", [seats(60, 50, 10)], ()),
    ("the renewal is near", "budget_review", "renewal_near", [renewal(130)], ()),
    ("an invoice is overdue", "budget_review", "invoice_overdue", [OVERDUE], ()),
    ("billing pages were looked at", "budget_review", "billing_pages", [], (looked("billing"),)),
    (
        "use that rises",
        "thinks_of_an_upgrade",
        "rising_use",
        used(*range(100), *[90 + d / 4 for d in range(40)]),
        (),
    ),
    ("seats nearly full", "thinks_of_an_upgrade", "seats_nearly_full", [seats(60, 20, 19)], ()),
    ("specification pages were read", "thinks_of_an_upgrade", "spec_pages", [], (looked("spec"),)),
    ("a promoter", "thinks_of_an_upgrade", "promoter", [nps(60, 10)], ()),
]


@pytest.mark.parametrize(
    ("reading", "sign", "happenings", "seen"),
    [row[1:] for row in EVIDENCE],
    ids=[row[0] for row in EVIDENCE],
)
def test_each_sign_speaks_for_one_reading_alone(
    reading: str, sign: str, happenings: list[Happening], seen: tuple[PageVisit, ...]
) -> None:
    found = read(*happenings, seen=seen)
    assert evidence(found) == {reading: {sign}}
    assert found.likely == reading


QUIET: list[tuple[str, list[Happening]]] = [
    ("steady use is neither rise nor fall", STEADY),
    ("a young customer's steady use isn't a rise", used(*[80 + d / 2 for d in range(40)])),
    ("a passive's answer", [nps(60, 8)]),
    ("an old detractor's answer", [nps(5, 3)]),
    ("a resolved complaint", [FILED, (3, "complaint.resolved", {"complaint_id": "1"})]),
    ("a contraction long ago", [plan(3, 500, 900)]),
    ("a renewal far ahead", [renewal(300)]),
    ("a renewal gone by", [renewal(90)]),
    ("half of the seats in use", [seats(60, 20, 12)]),
]


@pytest.mark.parametrize("happenings", [row[1] for row in QUIET], ids=[row[0] for row in QUIET])
def test_what_says_nothing_leaves_the_reading_ambiguous(happenings: list[Happening]) -> None:
    found = read(*happenings)
    assert evidence(found) == {}
    assert found.likely is None
    assert "Ambiguous: nothing tells" in insights.review("en", found)


def test_evidence_on_either_side_stays_ambiguous_and_is_said_so() -> None:
    found = read(FILED, seats(60, 20, 19))
    assert evidence(found) == {
        "doubts_the_cost": {"complaint_open"},
        "thinks_of_an_upgrade": {"seats_nearly_full"},
    }
    assert found.likely is None
    assert "more than one reading" in insights.review("en", found)
    assert "mais de uma leitura" in insights.review("pt", found)


def test_much_evidence_outweighs_little() -> None:
    found = read(FILED, nps(60, 3), plan(60, 500, 900), seats(60, 20, 19))
    assert found.likely == "doubts_the_cost"
    assert "pays 400 less a month" in insights.review("en", found)


def test_each_sign_names_what_it_was_read_from_its_value_and_since_when() -> None:
    found = read(nps(60, 4), plan(70, 500, 900))
    signs = {s.sign: (s.measure, s.value, s.since_us) for r in found.readings for s in r.evidence}
    assert signs == {"low_nps": ("nps", 4, us(60)), "contraction": ("mrr_change", -400, us(70))}


def test_the_readings_are_told_from_the_second_look_at_prices_on() -> None:
    assert FLAG in flags(fold(*PRICES).evaluate(us(NOW)))
    assert FLAG not in flags(fold(PRICES[0]).evaluate(us(NOW)))


def test_every_reading_has_a_question_to_open_with_in_both_languages() -> None:
    for language in LANGUAGES:
        questions = {openings.reading_question(language, r) for r in (*READINGS, None)}
        assert len(questions) == len(READINGS) + 1
        assert all(q.endswith("?") for q in questions)


def test_every_sign_can_be_said_in_both_languages() -> None:
    for _, _, name, happenings, seen in EVIDENCE:
        for sign in (s for r in read(*happenings, seen=seen).readings for s in r.evidence):
            said: list[Any] = [
                insights.sign(language, sign.sign, sign.value) for language in LANGUAGES
            ]
            assert all(said), name
            assert said[0] != said[1]


def test_a_contact_does_not_change_what_the_evidence_says() -> None:
    assert evidence(read(FILED, contact(99, "positive"))) == {"doubts_the_cost": {"complaint_open"}}


def owned(days: float, features: int | list[str]) -> Happening:
    return (days, "customer.updated", {"features_owned": features})


def test_a_plan_is_too_large_where_seats_and_features_both_lie_idle() -> None:
    idle_seats, wide = seats(60, 50, 10), owned(60, ["a", "b", "c", "d", "e", "f", "g", "h"])

    both = read(idle_seats, wide, *STEADY)

    assert evidence(both) == {"right_size": {"seats_idle", "features_idle"}}
    assert both.likely == "right_size"
    assert evidence(read(idle_seats, *STEADY)) == {"doubts_the_cost": {"seats_idle"}}
    assert evidence(read(wide, *STEADY)) == {}


def test_names_of_features_owned_count_once_each() -> None:
    told_names = fold(owned(1, ["a", "b", "a"])).view(us(NOW))
    assert told_names.fact_of("features_owned", 0) == 2
    assert fold(owned(1, [])).view(us(NOW)).fact_of("features_owned", 0) == 0
