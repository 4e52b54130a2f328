"""The items of all customers in memory, by row, packed as the database has them: a batch of events
unpacks those that it touches, all at once."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Final, Protocol

import numpy as np

from healthsvc.core.arrays import Floats, Rows
from healthsvc.core.folding.facts import COLUMN
from healthsvc.core.folding.items.kind import Counted, ItemGroups, ItemRules
from healthsvc.core.folding.items.packed import (
    KIND_BITS,
    Items,
    item_hash,
    pack,
    spans,
    unpack,
)
from healthsvc.core.folding.items.registry import KINDS, STEPS
from healthsvc.core.folding.items.steps import (
    TYPE_CODE,
    ItemSteps,
    Limits,
    add,
    join_limits,
    split_limits,
)
from healthsvc.core.scorecard.surveys import SurveyRules

_COLUMNS: Final = {rules.number: [COLUMN[name] for name in rules.columns] for rules in KINDS}
_SETTLED_BEFORE: Final = COLUMN["items_settled_before"]


class ItemStore(Protocol):
    """The facts, and the items by row."""

    facts: Floats
    items: "ItemTable"

    @property
    def surveys(self) -> SurveyRules:
        """The scorecard's rules of surveys."""


class ItemTable:
    """The packed items by row; rows without items have no entry."""

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}

    def put(self, rows: Iterable[int], packed: Iterable[bytes]) -> None:
        """Take in what `pack` gave of each row."""
        self._packed.update(zip(rows, packed, strict=True))

    def drop(self, row: int) -> None:
        self._packed.pop(row, None)

    def packed(self, rows: Sequence[int]) -> list[bytes]:
        """Of each row its items, a whole number of 8 bytes."""
        return list(map(self._packed.get, rows, repeat(b"")))

    def counted(self, rows: Sequence[int], rules: ItemRules) -> list[list[Counted]]:
        """The items of a kind of each customer, unpacked together."""
        items, limits = split_limits(unpack(self.packed(rows)))
        own = items.take(items.kind == rules.number)
        by_customer: list[list[Counted]] = [[] for _ in rows]
        if len(own):
            of_kind = np.unique(own.group)
            places = (of_kind >> KIND_BITS).tolist()
            groups = _groups(own, limits, rules, of_kind)
            for place, counted in zip(
                places, groups.one_by_one(np.arange(len(of_kind))), strict=True
            ):
                by_customer[place] = counted
        return by_customer


def fold(
    store: ItemStore,
    rows: Rows,
    steps: Sequence[tuple[str, Any]],
    occurred_us: Floats,
) -> None:
    """Fold steps of items in log order: one entry an event in each; steps: its type, one of
    `STEPS`, and the event."""
    ids = [STEPS[type_].id_of(event) for type_, event in steps]
    at = [place for place, item_id in enumerate(ids) if item_id is not None]
    if not at:
        return
    each, owner = np.unique(rows[at], return_inverse=True)
    kinds = np.array([STEPS[steps[i][0]].rules.number for i in at])
    some = ItemSteps(
        group=owner << KIND_BITS | kinds,
        hash=np.array([item_hash(item_id) for item_id in ids if item_id is not None]),
        type=np.array([TYPE_CODE[steps[i][0]] for i in at]),
        events=[steps[i][1] for i in at],
        us=occurred_us[at],
    )
    numbers: list[int] = each.tolist()
    items, limits = split_limits(unpack(store.items.packed(numbers)))
    items = add(items, limits, some)
    _summarise(store, each, items, limits, some)
    store.items.put(numbers, pack(join_limits(items, limits), len(each)))


def _summarise(
    store: ItemStore, each: Rows, items: Items, limits: Limits, steps: ItemSteps
) -> None:
    """Write what the items of the touched kinds come to into the facts; each: the rows of the
    customers."""
    touched = np.unique(steps.group)
    kind = touched & ((1 << KIND_BITS) - 1)
    for rules in KINDS:
        of_kind = touched[kind == rules.number]
        if len(of_kind):
            rows, columns = each[of_kind >> KIND_BITS], _COLUMNS[rules.number]
            groups = _groups(items, limits, rules, of_kind)

            def known(name: str, rows: Rows = rows) -> Floats:
                of_customers: Floats = store.facts[rows, COLUMN[name]]
                return of_customers

            summary = rules.summary(groups, known, store.surveys)
            store.facts[rows[:, None], columns] = np.stack(summary, axis=1)
    for group, limit in limits.items():
        row = each[group >> KIND_BITS]
        store.facts[row, _SETTLED_BEFORE] = max(store.facts[row, _SETTLED_BEFORE], limit.us)


def _groups(items: Items, limits: Limits, rules: ItemRules, of_kind: Rows) -> ItemGroups:
    """The items of these groups, which are of one kind and have items."""
    begin = np.searchsorted(items.group, of_kind)
    count = np.searchsorted(items.group, of_kind, "right") - begin
    at = spans(begin, count)
    counts_from, first = np.zeros(len(at)), np.cumsum(count) - count
    if limits:
        for place, size, group in zip(
            first.tolist(), count.tolist(), of_kind.tolist(), strict=True
        ):
            limit = limits.get(group)
            if limit is not None:
                own = slice(place, place + size)
                counts_from[own] = limit.us - (items.hash[at[own]] > limit.hash)
    return ItemGroups(items.numbers[at, : rules.fields], counts_from, first)
