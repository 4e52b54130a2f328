"""Notice, leaving and coming back, in the words of the field, on the scorecard that everybody starts
with."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.decisions.decide import decide
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.scoring.leaving import leaving
from tests.core.folded import CARD, PROGRAM, Fold, at, flags, us
from tests.core.scoring.test_evaluate import Happening, contact, fold, page, used

STEADY = used(*range(60))
"""Sixty days of daily use of one function; the day of judgement is the sixtieth."""
DAY = 60.0


def subscribed(days: float, mrr: float | None = 500, **data: Any) -> Happening:
    told = {} if mrr is None else {"mrr": mrr}
    return (days, "subscription.changed", {**told, **data})


def cancelled(days: float, to_day: float | None = None, **data: Any) -> Happening:
    effective = {} if to_day is None else {"effective_at": at(to_day)}
    return (days, "subscription.cancelled", {**effective, **data})


def paid(days: float, invoice: str) -> Happening:
    return (days, "invoice.paid", {"invoice_id": invoice})


def held(*happenings: Happening, day: float = DAY) -> set[str]:
    evaluation = fold(*happenings).evaluate(us(day))
    after_leaving = {rule.name for rule in CARD.flags if rule.after_leaving}
    return flags(evaluation) & (after_leaving if evaluation.churned[0] else flags(evaluation))


def has_left(*happenings: Happening, day: float = DAY) -> bool:
    return bool(fold(*happenings).evaluate(us(day)).churned[0])


def mrr(*happenings: Happening, day: float = DAY) -> float:
    return fold(*happenings).view(us(day)).fact_of("mrr", 0)


def alerts(*happenings: Happening, day: float = DAY) -> dict[str, str | None]:
    evaluation = fold(*happenings).evaluate(us(day))
    changes = decide(PROGRAM, evaluation, DecisionStates.undecided(1)).flags
    return {CARD.flags[c.flag].name: CARD.flags[c.flag].severity for c in changes if c.alert}


# Notice
# -------------------------------------------------------------------------------------------------


def test_a_cancellation_to_a_later_date_is_notice_given_and_critical() -> None:
    told = (*STEADY, subscribed(0), cancelled(59, to_day=90))
    assert alerts(*told) == {"notice_given": "critical"}
    assert fold(*told).evaluate(us(DAY)).score[0] == 20
    assert not has_left(*told)


def test_a_change_that_tells_the_same_revenue_does_not_erase_notice() -> None:
    told = (*STEADY, subscribed(0), cancelled(50, to_day=90), subscribed(55))
    assert "notice_given" in held(*told)
    assert has_left(*told, day=90)


@pytest.mark.parametrize(
    "taken_back",
    [(55.0, "subscription.cancellation_withdrawn", {}), (55.0, "subscription.renewed", {})],
)
def test_notice_ends_when_it_is_withdrawn_by_name_or_the_contract_renewed(
    taken_back: Happening,
) -> None:
    told = (*STEADY, subscribed(0), cancelled(50, to_day=90), taken_back)
    assert "notice_given" not in held(*told)
    assert not has_left(*told, day=91)


def test_notice_ends_at_its_date_exactly_and_the_customer_has_left() -> None:
    told = fold(*STEADY, cancelled(50, to_day=90))
    before, then = told.evaluate(us(90) - 1), told.evaluate(us(90))
    notice = CARD.flag_names.index("notice_given")
    assert flags(before) & {"notice_given", "churned"} == {"notice_given"}
    assert before.flags.change_us[0, notice] == us(90)
    assert then.churned[0]
    assert "notice_given" not in flags(then)


def test_said_to_a_csm_that_they_will_leave_is_notice_however_friendly_the_talk_was() -> None:
    assert alerts(*STEADY, contact(59, "leaving")) == {"notice_given": "critical"}
    renewed: Happening = (60, "subscription.renewed", {})
    assert "notice_given" not in held(*STEADY, contact(59, "leaving"), renewed)


@pytest.mark.parametrize("outcome", ["negative", "leaving"])
def test_a_talk_that_settles_nothing_never_releases_cancel_intent(outcome: str) -> None:
    looked = page(30, "account/cancel")
    assert "cancel_intent" in held(*STEADY, looked, contact(31, outcome))
    assert "cancel_intent" not in held(*STEADY, looked, contact(31, "positive"))
    assert "cancel_intent" in held(*STEADY, looked, contact(31, "positive"), contact(32, outcome))


# Leaving
# -------------------------------------------------------------------------------------------------


def test_revenue_of_nothing_told_after_a_cancellation_is_no_return() -> None:
    told = (*STEADY, subscribed(0), cancelled(59), subscribed(59.001, 0, previous_mrr=500))
    assert has_left(*told)


def test_one_of_two_subscriptions_that_ends_leaves_a_customer_that_pays_less() -> None:
    told = (
        *STEADY,
        subscribed(0, 900, subscription_id="core"),
        subscribed(1, 100, subscription_id="addon"),
        cancelled(50, subscription_id="addon"),
        page(60, "account/cancel"),
    )
    assert not has_left(*told)
    assert mrr(*told) == 900
    assert "cancel_intent" in held(*told)


def test_a_customer_has_left_when_its_last_subscription_ended() -> None:
    told = (
        *STEADY,
        subscribed(0, 900, subscription_id="core"),
        subscribed(1, 100, subscription_id="addon"),
        cancelled(50, to_day=70, subscription_id="addon"),
        cancelled(55, to_day=80, subscription_id="core"),
    )
    assert "notice_given" in held(*told)
    assert not has_left(*told, day=79.9)
    assert has_left(*told, day=80)


def test_recurring_revenue_is_the_sum_of_the_subscriptions_also_of_the_one_without_an_id() -> None:
    told = (subscribed(0, 500), subscribed(1, 30, subscription_id="a"))
    assert mrr(*used(1, 2, 3), *told) == 530
    told += (subscribed(2, 20, subscription_id="b"), (3, "customer.updated", {"mrr": 550}))
    assert mrr(*used(1, 2, 3), *told) == 50, "a total of the whole customer isn't added"


def test_a_cancellation_without_an_id_ends_all_where_only_subscriptions_with_ids_are_known() -> (
    None
):
    named = (subscribed(0, 90, subscription_id="a"), subscribed(1, 10, subscription_id="b"))
    assert has_left(*STEADY, *named, cancelled(50))
    assert not has_left(*STEADY, subscribed(0), *named, cancelled(50))


# Coming back
# -------------------------------------------------------------------------------------------------


def test_who_comes_back_by_a_contract_with_revenue_is_no_longer_frozen() -> None:
    told = (*STEADY, subscribed(0), cancelled(20), subscribed(50, 300), page(60, "account/cancel"))
    assert not has_left(*told)
    assert "cancel_intent" in held(*told)


def test_use_alone_after_leaving_raises_returned_for_somebody_to_look() -> None:
    told = (*STEADY, subscribed(0), cancelled(40))
    assert held(*told) == {"churned", "returned"}
    assert alerts(*told)["returned"] == "warning"


def test_the_last_use_on_the_day_of_leaving_is_no_return() -> None:
    assert held(
        *used(*range(40)), (40.1, "feature.used", {"feature": "export"}), cancelled(40)
    ) == {"churned"}


def test_use_and_the_payment_of_a_new_invoice_bring_a_customer_back() -> None:
    told = (*STEADY, subscribed(0), cancelled(40))
    assert not has_left(*told, paid(58, "new"))
    overdue: Happening = (35, "invoice.overdue", {"invoice_id": "last"})
    assert has_left(*told, overdue, paid(58, "last")), "the last invoice is paid after leaving"
    voided: Happening = (58, "invoice.voided", {"invoice_id": "new"})
    assert has_left(*told, voided)


def test_payment_without_use_does_not_bring_a_customer_back() -> None:
    assert has_left(*used(*range(30)), cancelled(40), paid(58, "new"))


_CONTRACT = st.lists(
    st.sampled_from(
        [
            subscribed(0),
            subscribed(40, 0),
            subscribed(52, 700),
            subscribed(1, 90, subscription_id="a"),
            subscribed(51, 80, subscription_id="a"),
            cancelled(20),
            cancelled(45, to_day=50),
            cancelled(30, subscription_id="a"),
            cancelled(31, to_day=70, subscription_id="b"),
            subscribed(2, 10, subscription_id="b"),
            (46, "subscription.cancellation_withdrawn", {}),
            (33, "subscription.cancellation_withdrawn", {"subscription_id": "a"}),
            (47, "subscription.renewed", {"subscription_id": "b"}),
            paid(58, "new"),
            (35, "invoice.overdue", {"invoice_id": "new"}),
            *used(59),
        ]
    ),
    unique_by=repr,
    min_size=2,
)


@settings(max_examples=60, deadline=None)
@given(_CONTRACT, st.randoms(use_true_random=False))
def test_who_has_left_does_not_depend_on_the_order_in_which_it_was_told(
    told: list[Happening], random: Any
) -> None:
    def standing(happenings: list[Happening], *, restarts: bool) -> tuple[list[float], ...]:
        whole: Fold = fold(*happenings)
        if restarts:
            whole.restart()
        after = leaving(whole.view(us(DAY)))
        return after.ends_at.tolist(), whole.view(us(DAY)).fact("mrr").tolist()

    shuffled = random.sample(told, len(told))
    assert np.array_equal(
        standing(told, restarts=False), standing(shuffled, restarts=True), equal_nan=True
    )


def test_a_test_account_is_neither_scored_nor_flagged_and_a_trial_is_scored() -> None:
    def marked(segment: str) -> Happening:
        return (0, "customer.updated", {"segment": segment})

    looked = page(60, "account/cancel")
    of_test = fold(*STEADY, marked("test"), looked).evaluate(us(DAY))
    assert np.isnan(of_test.score[0])
    assert flags(of_test) == set()
    assert fold(*STEADY, marked("trial"), looked).evaluate(us(DAY)).score[0] == 20


def test_visits_of_a_test_account_raise_no_alert() -> None:
    def looks(segment: str) -> list[Happening]:
        return [(0, "customer.updated", {"segment": segment}), page(60, "account/cancel")]

    assert "cancel_intent" in alerts(*STEADY, *looks("trial"))
    assert alerts(*STEADY, *looks("test")) == {}
