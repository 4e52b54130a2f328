"""Where the score and the money disagree, and where they don't."""

import pytest

from healthsvc.core.insights.disagreements import Disagreement, disagreements
from healthsvc.core.phrases import insights
from tests.core.folded import CARD, at, flags, us
from tests.core.scoring.test_evaluate import CANCELLED, OVERDUE, Happening, fold, nps, page, used

WELL = [*used(*range(100)), nps(95, 10)]
ILL = [*WELL, page(99, "account/cancel")]


def found(*happenings: Happening, day: float = 100) -> list[Disagreement]:
    state = fold(*happenings)
    return disagreements(state.view(us(day)), state.evaluate(us(day)), 0)


def plan(days: float, mrr: float, before: float) -> Happening:
    return (days, "subscription.changed", {"mrr": mrr, "previous_mrr": before})


CANCELLED_FOR_LATER: Happening = (95, "subscription.cancelled", {"effective_at": at(130)})
DISAGREE: list[tuple[str, list[Happening], list[tuple[str, str, float]]]] = [
    ("healthy, and pays less", [*WELL, plan(90, 500, 900)], [("high", "contraction", -400)]),
    ("healthy, and most seats stand idle", [*WELL, *used(*[99 + d / 50 for d in range(40)]), (95,
    "seats.changed",
    {"seats": 50, "active": 20})], [("high", "seats_idle", 0.4)]),
    ("at risk, and pays more", [*ILL, plan(90, 900, 500)], [("low", "growth", 400)]),
    ("at risk, and large", [*ILL, (1, "customer.updated", {"mrr": 5000})], [("low", "large_account",
    5000)]),
    ("at risk, and just signed", [*ILL, (95, "subscription.renewed", {})], [("low",
    "contract_signed", 5)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("happenings", "told"), [row[1:] for row in DISAGREE], ids=[row[0] for row in DISAGREE]
)
def test_score_and_money_in_disagreement_are_told(
    happenings: list[Happening], told: list[tuple[str, str, float]]
) -> None:
    assert [(d.score, d.money.sign, d.money.value) for d in found(*happenings)] == told


AGREE: list[tuple[str, list[Happening]]] = [
    ("healthy and paying", [*WELL, plan(90, 900, 500)]),
    ("at risk and shrinking", [*ILL, plan(90, 500, 900)]),
    ("at risk and small", [*ILL, (1, "customer.updated", {"mrr": 50})]),
    ("has cancelled for later, and the score says so", [*WELL, CANCELLED_FOR_LATER]),
    ("two cents less", [*WELL, plan(90, 499.98, 500)]),
    ("a yearly amount told as a monthly one", [*WELL, plan(90, 500, 6000)]),
    ("a change long ago", [*WELL, plan(1, 500, 900)]),
    ("gone", [*WELL, CANCELLED, plan(90, 500, 900)][:-1]),
    ("nothing known", [(0, "customer.updated", {"mrr": 5000})]),
    ("overdue, and no longer in the best band for it", [*WELL, OVERDUE]),
]


@pytest.mark.parametrize("happenings", [row[1] for row in AGREE], ids=[row[0] for row in AGREE])
def test_nothing_is_told_where_they_agree(happenings: list[Happening]) -> None:
    assert found(*happenings) == []


def test_a_disagreement_is_said_in_both_languages() -> None:
    (one,) = found(*WELL, plan(90, 500, 1900))
    said = insights.disagreement("en", one)
    assert said == "The score is high, but the money says otherwise: pays 1,400 less a month."
    assert "paga 1.400 a menos por mês" in insights.disagreement("pt", one)


def test_the_money_before_a_change_is_the_last_one_told_in_any_order() -> None:
    changes = [plan(80, 700, 900), plan(90, 500, 700)]
    for order in (changes, changes[::-1]):
        assert [d.money.value for d in found(*WELL, *order)] == [-200]


def standing(*happenings: Happening, day: float = 100) -> set[str]:
    return flags(fold(*happenings).evaluate(us(day))) & {"score_above_money", "score_below_money"}


@pytest.mark.parametrize(
    ("happenings", "told"), [row[1:] for row in DISAGREE], ids=[row[0] for row in DISAGREE]
)
def test_each_disagreement_is_a_flag_too(
    happenings: list[Happening], told: list[tuple[str, str, float]]
) -> None:
    assert standing(*happenings) == {
        {"high": "score_above_money", "low": "score_below_money"}[told[0][0]]
    }


@pytest.mark.parametrize("happenings", [row[1] for row in AGREE], ids=[row[0] for row in AGREE])
def test_where_they_agree_no_flag_holds(happenings: list[Happening]) -> None:
    assert standing(*happenings) == set()


def test_a_disagreement_ends_when_what_the_money_said_is_old_news() -> None:
    happenings = [*WELL, *used(*range(100, 190)), nps(179, 10), plan(90, 500, 900)]
    state = fold(*happenings)
    flag = CARD.flag_names.index("score_above_money")

    assert standing(*happenings, day=179.9) == {"score_above_money"}
    assert standing(*happenings, day=180.1) == set()
    assert state.evaluate(us(179.9)).flags.change_us[0, flag] <= us(180)
