"""Items of kind `invoice`: overdue until it is paid in full, voided, written off or credited.

Amounts are kept in thousandths: whole numbers, whose sum doesn't depend on the order of payments.
"""

from collections.abc import Sequence
from math import inf
from typing import Any, ClassVar, Final

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.items.kind import Counted, Item, ItemRules, count_and_oldest
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


class Invoice(ItemRules):
    kind: ClassVar[ItemKind] = "invoice"
    number: ClassVar[int] = 3
    fields: ClassVar[int] = 7
    columns: ClassVar[tuple[str, ...]] = (
        *("invoices_overdue", "invoices_overdue_since"),
        *("usual_delay", "new_invoice_paid_at"),
    )

    def add(self, item: Item, moment: Moment, event: Any, us: float) -> None:
        data = event.data
        amount = getattr(data, "amount", None)
        item[FIRST_AT] = min(item[FIRST_AT] or us, us)
        if moment == "opened":
            item[OVERDUE_AT] = max(item[OVERDUE_AT], us)
            item[OWED] = max(item[OWED], _thousandths(amount))
            if data.due_at is not None:
                item[DUE_AT] = max(item[DUE_AT], float(to_us(data.due_at)))
        else:
            field = PAID_AT if moment == "paid" else ENDED_AT
            item[field] = max(item[field], us)
            item[SETTLED] += inf if amount is None else _thousandths(amount)

    def newest(self, item: Item) -> float:
        return max(item[OVERDUE_AT], item[PAID_AT], item[ENDED_AT])

    def compact(self, item: Item) -> Item:
        rest = list(item)
        if item[FIRST_AT] == _earliest(item):
            rest[FIRST_AT] = 0.0
        return rest

    def restore(self, item: Item) -> Item:
        item[FIRST_AT] = item[FIRST_AT] or _earliest(item)
        return item

    def summary(
        self, items: Sequence[Counted], facts: Floats, surveys: SurveyRules
    ) -> Sequence[float]:
        overdue = [_overdue_since(item, start) for item, start in items]
        paid = [item for item, _ in items if item[PAID_AT]]
        return (
            *count_and_oldest(overdue),
            _usual_delay(paid),
            max([item[FIRST_AT] for item in paid], default=0.0),
        )


def _thousandths(amount: float | None) -> float:
    return 0.0 if amount is None else float(round(abs(amount) * 1000))


def _earliest(item: Item) -> float:
    return min([us for us in (item[OVERDUE_AT], item[PAID_AT], item[ENDED_AT]) if us], default=0.0)


def _due_at(item: Item) -> float:
    """When it was to be paid: the date that was told, else its first event."""
    return item[DUE_AT] or item[FIRST_AT]


def _overdue_since(item: Item, counts_from: float) -> float:
    """Since when money is owed past its date, 0 where none is."""
    overdue_at = item[OVERDUE_AT]
    is_settled = item[SETTLED] + CENT >= item[OWED] and overdue_at <= max(
        item[PAID_AT], item[ENDED_AT]
    )
    if is_settled or overdue_at <= counts_from:
        return 0.0
    return min(_due_at(item), overdue_at)


def _usual_delay(paid: Sequence[Item]) -> float:
    """By how much the customer usually pays late: the median of its newest paid invoices; 0 where
    it pays in time, or too few are known."""
    delays = sorted(
        (item[PAID_AT], max(0.0, item[PAID_AT] - _due_at(item)) if item[OVERDUE_AT] else 0.0)
        for item in paid
    )[-NEWEST_PAID:]
    if len(delays) < LEAST_PAID:
        return 0.0
    return sorted(delay for _, delay in delays)[len(delays) // 2]
