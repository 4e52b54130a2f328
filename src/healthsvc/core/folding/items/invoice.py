"""Items of kind `invoice`: overdue until it is paid in full, voided, written off or credited.

Amounts are kept in thousandths: whole numbers, whose sum doesn't depend on the order of payments.
"""

from collections.abc import Sequence
from math import inf
from typing import Any, ClassVar, Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.items.kind import ItemGroups, ItemRules, Known, keep_newest
from healthsvc.core.instants import to_us
from healthsvc.core.scorecard.surveys import SurveyRules

OVERDUE_AT, FIRST_AT, PAID_AT, ENDED_AT, DUE_AT, OWED, SETTLED = range(7)
"""Newest message that it is overdue, first event of all, newest payment, newest other settlement,
date due, amount owed, amount settled (inf: whatever is owed)."""
CENT: Final = 10.0
"""An invoice is settled to within a cent."""
NEWEST_PAID: Final = 12
"""Invoices from which a customer's habit of paying is told."""
LEAST_PAID: Final = 3
"""Fewer are no habit."""
_EVENTS: Final = [OVERDUE_AT, PAID_AT, ENDED_AT]


class Invoice(ItemRules):
    kind: ClassVar[ItemKind] = "invoice"
    number: ClassVar[int] = 3
    fields: ClassVar[int] = 7
    columns: ClassVar[tuple[str, ...]] = (
        *("invoices_overdue", "invoices_overdue_since"),
        *("usual_delay", "new_invoice_paid_at"),
    )

    def add(self, numbers: Floats, moment: Moment, events: Sequence[Any], us: Floats) -> None:
        first, data = numbers[:, FIRST_AT], [event.data for event in events]
        numbers[:, FIRST_AT] = np.where(first > 0, np.minimum(first, us), us)
        amounts = [getattr(each, "amount", None) for each in data]
        if moment == "opened":
            keep_newest(numbers, OVERDUE_AT, us)
            keep_newest(numbers, OWED, _thousandths(amounts, unknown=0.0))
            keep_newest(numbers, DUE_AT, np.array([_due_us(each) for each in data], np.float64))
        else:
            keep_newest(numbers, PAID_AT if moment == "paid" else ENDED_AT, us)
            numbers[:, SETTLED] += _thousandths(amounts, unknown=inf)

    def newest(self, numbers: Floats) -> Floats:
        newest: Floats = numbers[:, _EVENTS].max(axis=1)
        return newest

    def compact(self, numbers: Floats) -> Floats:
        rest, first = numbers.copy(), numbers[:, FIRST_AT]
        rest[:, FIRST_AT] = np.where(first == _earliest(numbers), 0.0, first)
        return rest

    def restore(self, numbers: Floats) -> Floats:
        first = numbers[:, FIRST_AT]
        numbers[:, FIRST_AT] = np.where(first > 0, first, _earliest(numbers))
        return numbers

    def summary(self, items: ItemGroups, known: Known, surveys: SurveyRules) -> Sequence[Floats]:
        is_paid = items.numbers[:, PAID_AT] > 0
        first_paid = np.where(is_paid, items.numbers[:, FIRST_AT], 0.0)
        is_late = is_paid & (items.numbers[:, OVERDUE_AT] > 0)
        usual_delay, late = np.zeros(len(items)), np.flatnonzero(items.count(is_late) > 0)
        for customer, own in zip(late.tolist(), items.one_by_one(late), strict=True):
            usual_delay[customer] = _usual_delay([item for item, _ in own if item[PAID_AT]])
        return (
            *items.count_and_oldest(_overdue_since(items)),
            usual_delay,
            items.latest(first_paid),
        )


def _thousandths(amounts: Sequence[float | None], *, unknown: float) -> Floats:
    return np.array(
        [unknown if amount is None else round(abs(amount) * 1000) for amount in amounts], np.float64
    )


def _due_us(data: Any) -> float:
    return 0.0 if data.due_at is None else float(to_us(data.due_at))


def _earliest(numbers: Floats) -> Floats:
    """(n,) the earliest of the newest messages of each kind; 0 where there is none."""
    us = numbers[:, _EVENTS]
    earliest: Floats = np.where(us > 0, us, inf).min(axis=1)
    return np.where(np.isfinite(earliest), earliest, 0.0)


def _overdue_since(items: ItemGroups) -> Floats:
    """(items,) since when money is owed past its date, 0 where none is."""
    overdue_at, first_at, paid_at, ended_at, due_at, owed, settled = items.numbers.T
    is_settled = (settled + CENT >= owed) & (overdue_at <= np.maximum(paid_at, ended_at))
    is_open = ~is_settled & (overdue_at > items.counts_from)
    due = np.where(due_at > 0, due_at, first_at)
    return np.where(is_open, np.minimum(due, overdue_at), 0.0)


def _due_at(item: Sequence[float]) -> float:
    """When it was to be paid: the date that was told, else its first event."""
    return item[DUE_AT] or item[FIRST_AT]


def _usual_delay(paid: Sequence[Sequence[float]]) -> float:
    """By how much the customer usually pays late: the median of its newest paid invoices; 0 where
    it pays in time, or too few are known."""
    delays = sorted(
        (item[PAID_AT], max(0.0, item[PAID_AT] - _due_at(item)) if item[OVERDUE_AT] else 0.0)
        for item in paid
    )[-NEWEST_PAID:]
    if len(delays) < LEAST_PAID:
        return 0.0
    return sorted(delay for _, delay in delays)[len(delays) // 2]
