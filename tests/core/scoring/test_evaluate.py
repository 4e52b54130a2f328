"""What a score and each kind of flag say, as tables: events and an instant in, names out."""

from typing import Any

import numpy as np
import pytest

from healthsvc.core.scoring.explain import contributions
from tests.core.folded import Event, Fold, at, flags, us

Happening = tuple[float, str, dict[str, Any]]


def _events(happenings: list[Happening]) -> list[Event]:
    return [
        {
            "id": f"e{i}",
            "source": "t",
            "type": type,
            "customer_id": "acme",
            "occurred_at": at(days),
            "data": data,
        }
        for i, (days, type, data) in enumerate(happenings)
    ]


def fold(*happenings: Happening) -> Fold:
    made = Fold()
    made.feed(_events(list(happenings)))
    return made


def used(*days: float) -> list[Happening]:
    return [(d, "feature.used", {"feature": "export"}) for d in days]


def page(days: float, path: str) -> Happening:
    return (days, "page.viewed", {"url": f"https://x.test/{path}"})


def contact(days: float, outcome: str) -> Happening:
    return (days, "contact.logged", {"outcome": outcome})


def nps(days: float, score: int) -> Happening:
    return (days, "survey.answered", {"survey": "nps", "score": score})


CANCEL = page(0, "account/cancel")
FILED: Happening = (0, "complaint.filed", {"complaint_id": "1", "subject": "bad"})
OVERDUE: Happening = (0, "invoice.overdue", {"invoice_id": "1", "amount": 10, "currency": "EUR"})
RENEWAL: Happening = (0, "customer.updated", {"renewal_at": at(100)})
CANCELLED: Happening = (0, "subscription.cancelled", {})
STEADY = used(*range(28))
TINY = 1e-6 / 86_400
"""A microsecond, in days."""

FLAG_TABLE: list[tuple[str, str, list[Happening], list[tuple[float, bool]]]] = [
    ("cancel_intent holds at once", "cancel_intent", [CANCEL], [(0, True), (400, True)]),
    ("nobody spoke: it holds for ever", "cancel_intent", [CANCEL, *used(1, 2, 3)], [(300, True)]),
    ("contact and 14 quiet days release", "cancel_intent", [CANCEL, contact(1, "positive")],
    [(14 - TINY, True), (14,
    False)]),
    ("contact after the 14 days releases", "cancel_intent", [CANCEL, contact(20, "neutral")], [(20,
    False)]),
    ("no answer isn't a contact", "cancel_intent", [CANCEL, contact(1, "no_answer")], [(30, True)]),
    ("contact before the view doesn't count", "cancel_intent", [page(2, "cancel"), contact(1,
    "positive")], [(30,
    True)]),
    ("another view begins anew", "cancel_intent", [CANCEL, contact(1, "neutral"), page(10,
    "cancel")], [(15, True),
    (30, True)]),
    ("silent after 14 days without activity", "silent", used(0, 1, 2), [(16 - TINY, False), (16,
    True), (300, True)]),
    ("never there isn't silent", "silent", used(0, 1), [(100, False)]),
    ("what we send isn't activity", "silent", [*used(0, 1, 2), (10, "survey.sent",
    {"survey": "nps"})], [(16, True)]),
    ("the account manager's updates aren't activity", "silent", [*used(0, 1, 2), (10,
    "customer.updated", {"owner":
    "jo"})], [(16, True)]),
    ("an event ends silence", "silent", [*used(0, 1, 2), *used(20)], [(20, False), (34, True)]),
    ("usage that stops drops", "usage_drop", STEADY, [(28, False), (90, True)]),
    ("little use can't drop", "usage_drop", used(0, 1, 2), [(60, False)]),
    ("a low answer marks a detractor for 90 days", "detractor", [nps(0, 3)], [(0, True), (90 - TINY,
    True), (90,
    False)]),
    ("a promoter isn't one", "detractor", [nps(0, 9)], [(0, False)]),
    ("the newest answer counts, however late it is logged", "detractor", [nps(5, 9), nps(0, 2)],
    [(6, False)]),
    ("a complaint is open until resolved", "complaint_open", [FILED], [(0, True), (500, True)]),
    ("a resolved complaint isn't open", "complaint_open", [FILED, (1, "complaint.resolved",
    {"complaint_id": "1"})],
    [(2, False)]),
    ("an invoice is overdue until paid", "payment_overdue", [OVERDUE], [(9, True)]),
    ("a paid invoice isn't overdue", "payment_overdue", [OVERDUE, (1, "invoice.paid",
    {"invoice_id": "1"})], [(2,
    False)]),
    ("renewal is near for 90 days before", "renewal_near", [RENEWAL], [(10 - TINY, False), (10,
    True), (100 - TINY,
    True), (100, False)]),
    ("prices looked at twice", "price_review", [page(0, "pricing"), page(0, "pricing")], [(0, True),
    (10, False)]),
    ("help looked for three times", "needs_help", [page(0, "help/a"), page(0, "help/b"), page(0,
    "docs/api")], [(0,
    True), (20, False)]),
    ("the champion's leaving fades", "champion_left", [(0, "champion.left", {"name": "Ada"})], [(0,
    True), (60,
    True), (200, False)]),
    ("cancelled is churned", "churned", [CANCELLED], [(0, True), (400, True)]),
    ("churn takes effect when it was agreed", "churned", [(0, "subscription.cancelled",
    {"effective_at": at(30)})],
    [(30 - TINY, False), (30, True)]),
    ("renewed after the cancellation", "churned", [CANCELLED, (5, "subscription.renewed", {})], [(4,
    False), (9,
    False)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "happenings", "checks"),
    [row[1:] for row in FLAG_TABLE],
    ids=[row[0] for row in FLAG_TABLE],
)
def test_flags_hold_when_their_rule_says(
    flag: str, happenings: list[Happening], checks: list[tuple[float, bool]]
) -> None:
    state = fold(*happenings)
    assert [(days, flag in flags(state.evaluate(us(days)))) for days, _ in checks] == checks


def test_too_little_evidence_is_no_score_rather_than_a_low_one() -> None:
    assert np.isnan(fold(*used(0, 1)).evaluate(us(2)).score[0])
    assert not np.isnan(fold(*used(0, 1, 2)).evaluate(us(2)).score[0])
    assert np.isnan(fold(*[(0.0, "customer.updated", {"name": "A"})] * 4).evaluate(us(2)).score[0])


def test_an_override_stands_even_where_there_is_too_little_evidence() -> None:
    assert fold(CANCEL).evaluate(us(0)).score[0] == 20


def test_the_lowest_cap_in_force_holds_down_the_score_and_is_named() -> None:
    state = fold(*STEADY, nps(27, 6), FILED, page(27, "cancel"))
    found = state.evaluate(us(27))
    assert found.raw[0] > 55
    assert found.score[0] == 20
    assert found.cap[0] == 20
    parts = contributions(state.view(us(27)), found, 0)
    assert parts[-1].measure == "cap:cancel_intent"
    assert parts[-1].points == pytest.approx(20 - found.raw[0])


def test_never_used_harms_less_than_went_silent() -> None:
    """No data is not zero: a measure without evidence neither helps nor harms."""
    surveyed = [nps(0, 9), nps(1, 9), nps(2, 9)]
    never, silent = fold(*surveyed), fold(*STEADY, *surveyed)
    assert never.evaluate(us(80)).raw[0] > silent.evaluate(us(80)).raw[0]


def test_coverage_tells_how_much_of_the_scorecard_has_evidence() -> None:
    little, more = (
        fold(*used(0, 1, 2)),
        fold(*used(0, 1, 2), nps(2, 9), (2, "seats.changed", {"seats": 9, "active": 3})),
    )
    a, b = little.evaluate(us(2)).coverage[0], more.evaluate(us(2)).coverage[0]
    assert 0 < a < b < 1


def test_a_complaint_served_well_is_worth_more_than_none() -> None:
    resolved: list[Happening] = [FILED, (1, "complaint.resolved", {"complaint_id": "1"})]
    rated: Happening = (2, "complaint.rated", {"complaint_id": "1", "rating": 5})
    plain = fold(*used(0, 10, 20), *resolved).evaluate(us(30))
    well = fold(*used(0, 10, 20), *resolved, rated).evaluate(us(30))
    assert well.score[0] > plain.score[0]


ORDERS = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]


@pytest.mark.parametrize("order", ORDERS)
def test_a_complaint_rated_well_before_it_was_resolved_counts_the_same_in_any_order(
    order: tuple[int, ...],
) -> None:
    happenings: list[Happening] = [
        FILED,
        (1, "complaint.rated", {"complaint_id": "1", "rating": 5}),
        (0, "complaint.filed", {"complaint_id": "2", "subject": "x"}),
    ]
    natural, other = fold(*happenings), fold(*[happenings[i] for i in order])
    assert np.array_equal(natural.states.facts[0], other.states.facts[0], equal_nan=True)
