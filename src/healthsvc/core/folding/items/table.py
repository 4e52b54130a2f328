"""The items of all customers in memory, by row: folded there, packed for the database."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

from healthsvc.core.arrays import Floats
from healthsvc.core.folding.facts import COLUMN, WIDTH
from healthsvc.core.folding.items.customer_items import CustomerItems, item_hash
from healthsvc.core.folding.items.kind import ItemRules
from healthsvc.core.folding.items.packed import pack, unpack
from healthsvc.core.folding.items.registry import KINDS, STEPS
from healthsvc.core.scorecard.surveys import SurveyRules

_COLUMNS: Final = {rules.number: [COLUMN[name] for name in rules.columns] for rules in KINDS}
_SETTLED_BEFORE: Final = COLUMN["items_settled_before"]


class ItemTable:
    """The items by row. Those of a row stay packed, as the database has them, until an event needs
    them."""

    def __init__(self) -> None:
        self._of: dict[int, CustomerItems | bytes] = {}
        self.changed: dict[int, set[ItemRules]] = {}
        """Row → the kinds whose items changed since they were last summarised."""

    def of(self, row: int) -> CustomerItems:
        """To be read and changed."""
        items = self._of.get(row)
        if items is None:
            items = CustomerItems()
        elif isinstance(items, bytes):
            items = unpack(items)
        self._of[row] = items
        return items

    def put(self, row: int, content: bytes) -> None:
        """Take in what `pack` gave."""
        self._of[row] = content

    def drop(self, row: int) -> None:
        self._of.pop(row, None)
        self.changed.pop(row, None)

    def pack(self, rows: Sequence[int]) -> list[bytes]:
        """Of each row its items, a whole number of 8 bytes."""
        return [
            items if isinstance(items, bytes) else pack(items)
            for items in map(self._of.get, rows, repeat(b""))
        ]


def fold(
    items_by_row: ItemTable,
    rows: Sequence[int],
    steps: Sequence[tuple[str, Any]],
    occurred_us: Sequence[int],
) -> None:
    """Fold steps of items in log order: one entry an event in each; steps: its type, one of
    `STEPS`, and the event. What the items come to is written by `summarise`."""
    for row, (type_, event), us in zip(rows, steps, occurred_us, strict=True):
        rules, id_of, moment = STEPS[type_]
        item_id = id_of(event)
        if item_id is None:
            continue
        items = items_by_row.of(row)
        rules.add(items.item(rules, item_hash(item_id)), moment, event, float(us))
        items.settle_oldest(rules)
        items_by_row.changed.setdefault(row, set()).add(rules)


def summarise(items_by_row: ItemTable, facts: Floats, surveys: SurveyRules) -> None:
    """Write what the changed items come to into the facts (customers, WIDTH). It depends on a
    customer's items and facts alone, so once for many events is as good as after each."""
    at: list[int] = []
    values: list[float] = []
    for row, kinds in items_by_row.changed.items():
        items = items_by_row.of(row)
        for rules in kinds:
            at += [row * WIDTH + column for column in _COLUMNS[rules.number]]
            values += rules.summary(items.counted(rules), facts[row], surveys)
        if items.limits:
            facts[row, _SETTLED_BEFORE] = max(limit.us for limit in items.limits.values())
    facts.reshape(-1)[at] = values
    items_by_row.changed.clear()
