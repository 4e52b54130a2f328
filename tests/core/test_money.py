"""Invoices, payment habits, growth and contraction, in the words of the field, on the scorecard that
everybody starts with."""

from typing import Any

import pytest

from tests.core.folded import CARD, at, flags, us
from tests.core.scoring.test_evaluate import Happening, fold, used

STEADY = used(*range(200))
DAY = 200.0


def held(*happenings: Happening, day: float = DAY) -> set[str]:
    return flags(fold(*happenings).evaluate(us(day)))


def raw(*happenings: Happening, day: float = DAY) -> float:
    return float(fold(*happenings).evaluate(us(day)).raw[0])


def overdue(days: float, invoice: str = "i", **data: Any) -> Happening:
    return (days, "invoice.overdue", {"invoice_id": invoice, **data})


def paid(days: float, invoice: str = "i", **data: Any) -> Happening:
    return (days, "invoice.paid", {"invoice_id": invoice, **data})


def changed(days: float, mrr: float, before: float, **data: Any) -> Happening:
    return (days, "subscription.changed", {"mrr": mrr, "previous_mrr": before, **data})


# Invoices
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settled", ["voided", "written_off", "credited"])
def test_an_invoice_that_is_voided_written_off_or_credited_is_not_overdue(settled: str) -> None:
    ends: Happening = (192, f"invoice.{settled}", {"invoice_id": "i"})
    assert "payment_overdue" in held(*STEADY, overdue(190, amount=1000))
    assert "payment_overdue" not in held(*STEADY, overdue(190, amount=1000), ends)


def test_a_payment_of_a_part_leaves_the_rest_overdue_until_it_is_paid() -> None:
    owed = (*STEADY, overdue(190, amount=1000), paid(191, amount=10))
    assert "payment_overdue" in held(*owed)
    credited: Happening = (192, "invoice.credited", {"invoice_id": "i", "amount": 90})
    assert "payment_overdue" in held(*owed, credited)
    assert "payment_overdue" not in held(*owed, credited, paid(193, amount=900))


def test_a_payment_without_an_amount_pays_the_whole_invoice() -> None:
    assert "payment_overdue" not in held(*STEADY, overdue(190, amount=1000), paid(191))


def test_reminders_of_the_same_invoice_do_not_make_it_younger() -> None:
    reminded = [overdue(days) for days in (180, 187, 194, 199)]
    assert "payment_overdue" in held(*STEADY, *reminded)


# Payment habits
# -------------------------------------------------------------------------------------------------


def test_an_invoice_a_few_days_late_is_no_news_and_one_a_week_late_is() -> None:
    late = (*STEADY, overdue(195, due_at=at(194)))
    assert "payment_overdue" not in held(*late)
    assert raw(*late) == raw(*STEADY)
    then = fold(*late).evaluate(us(DAY))
    assert then.flags.change_us[0, CARD.flag_names.index("payment_overdue")] == us(201)
    assert "payment_overdue" not in flags(fold(*late).evaluate(us(201) - 1))
    assert "payment_overdue" in held(*late, day=201)


def late_each_month(by_days: float) -> list[Happening]:
    return [
        step
        for month in range(6)
        for step in (
            overdue(30.0 * month + 1, f"m{month}", due_at=at(30.0 * month)),
            paid(30.0 * month + by_days, f"m{month}"),
        )
    ]


def test_late_as_always_is_no_news_and_later_than_ever_is() -> None:
    habit = (*STEADY, *late_each_month(20))
    assert "payment_overdue" not in held(*habit, overdue(181, "last", due_at=at(180)))
    assert "payment_overdue" in held(*habit, overdue(170, "last", due_at=at(169)))
    assert "payment_overdue" in held(*STEADY, overdue(181, "last", due_at=at(180)))


def test_who_pays_in_time_and_was_late_twice_has_no_habit_of_paying_late() -> None:
    in_time = [paid(10.0 * n, f"p{n}") for n in range(6)]
    late = late_each_month(40)[:4]
    assert "payment_overdue" in held(*STEADY, *in_time, *late, overdue(185, "last"))


# Contraction
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mrr", "contracts"), [(499.98, False), (480, False), (475, True)])
def test_contraction_begins_at_a_share_that_matters(mrr: float, contracts: bool) -> None:
    assert ("contraction" in held(*STEADY, changed(190, mrr, 500))) is contracts


def test_a_yearly_amount_told_as_a_monthly_one_is_no_contraction() -> None:
    assert "contraction" not in held(*STEADY, changed(190, 500, 6000))


def test_amounts_in_two_currencies_are_not_compared() -> None:
    euros = changed(100, 500, 500, currency="EUR")
    assert "contraction" not in held(*STEADY, euros, changed(190, 300, 500, currency="USD"))
    assert "contraction" in held(*STEADY, euros, changed(190, 300, 500, currency="eur"))


def test_one_of_several_subscriptions_that_ends_is_a_contraction() -> None:
    told: list[Happening] = [
        (0, "subscription.changed", {"subscription_id": "core", "mrr": 900}),
        (1, "subscription.changed", {"subscription_id": "addon", "mrr": 100}),
        (190, "subscription.cancelled", {"subscription_id": "addon"}),
    ]
    assert "contraction" in held(*STEADY, *told)
    small: Happening = (1, "subscription.changed", {"subscription_id": "addon", "mrr": 10})
    assert "contraction" not in held(*STEADY, told[0], small, told[2])


def test_half_of_a_small_add_on_is_not_half_of_the_revenue() -> None:
    told: list[Happening] = [
        (0, "subscription.changed", {"subscription_id": "core", "mrr": 900}),
        changed(190, 20, 40, subscription_id="addon"),
    ]
    assert "contraction" not in held(*STEADY, *told)


# Growth
# -------------------------------------------------------------------------------------------------


def test_more_features_owned_are_not_held_against_a_customer_for_a_time() -> None:
    owns: Happening = (0, "customer.updated", {"features_owned": 1})
    grows: Happening = (190, "customer.updated", {"features_owned": 8})
    assert raw(*STEADY, owns, grows) == raw(*STEADY, owns)
    later = used(*range(270))
    assert raw(*later, owns, grows, day=247) < raw(*later, owns, day=247) - 5
    then = fold(*later, owns, grows).evaluate(us(240))
    assert then.marks_change_us[0] == us(246)


def test_more_seats_are_not_held_against_a_customer_for_a_time() -> None:
    seats = [
        (190.0, "seats.changed", {"seats": 10, "active": 9}),
        (195.0, "seats.changed", {"seats": 30, "active": 9}),
    ]
    assert raw(*STEADY, *seats) == raw(*STEADY, seats[0])
    assert raw(*STEADY, *seats, day=252) < raw(*STEADY, seats[0], day=252)


def test_the_first_number_that_is_told_is_no_growth() -> None:
    few: Happening = (199, "customer.updated", {"features_owned": 1})
    many: Happening = (199, "customer.updated", {"features_owned": 8})
    assert raw(*STEADY, many) < raw(*STEADY, few) - 5
