"""Items of a customer: tickets, complaints, invoices, each by the hash of its id, and what they
come to.

At most `MOST` a customer are kept: beyond that the open ones first, then the newest. How many are
open, since when, and how complaints ended is written into columns of the facts, anew after each
batch for the customers it touched.
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from itertools import repeat
from operator import attrgetter
from typing import Any, Final, Protocol

from healthsvc.core.arrays import Floats
from healthsvc.core.events import EVENT_TYPES, ItemKind, ItemStep, Moment
from healthsvc.core.folding.facts import COLUMN, WIDTH

KEPT: Final = 7
MOST: Final = 9
"""Beyond so many they are pruned to `KEPT`."""
FIELDS: Final = 6
"""key, opened, answered, closed, rating, rated_at: float64 each, 0 where unknown."""
TICKET, COMPLAINT, INVOICE = 1, 2, 3
WELL_SERVED: Final = 4.0
"""A rating (1-5) from here on counts as served well."""
BADLY_SERVED: Final = 2.0
"""And one up to here as served badly."""

Items = dict[int, list[float]]
"""Key → opened, answered, closed, rating, rated_at."""

_OPENED, _ANSWERED, _CLOSED, _RATING, _RATED_AT = range(5)
_OPEN_COLUMN: Final = {
    TICKET: COLUMN["tickets_open"],
    COMPLAINT: COLUMN["complaints_open"],
    INVOICE: COLUMN["invoices_overdue"],
}
_WAITING: Final = COLUMN["tickets_waiting"]
_SERVED_WELL, _SERVED_BADLY = COLUMN["served_well_at"], COLUMN["served_badly_at"]
_WELL_BEFORE, _BADLY_BEFORE = COLUMN["well_served_before_at"], COLUMN["badly_served_before_at"]

_KINDS: Final[dict[ItemKind, int]] = {"ticket": TICKET, "complaint": COMPLAINT, "invoice": INVOICE}
_MOMENTS: Final[dict[Moment | None, int | None]] = {
    "opened": _OPENED,
    "answered": _ANSWERED,
    "closed": _CLOSED,
    None: None,
}


def _moment(step: ItemStep) -> int | None:
    return None if step.moment is None else _MOMENTS[step.moment]


STEPS: Final = {
    t.name: (_KINDS[t.item.kind], attrgetter(t.item.id_field), _moment(t.item), t.item.rates)
    for t in EVENT_TYPES
    if t.item is not None
}
"""Type → kind, id of the item, which instant it gives (None: it only rates), whether it may
rate."""


class ItemStore(Protocol):
    """The facts, and the items by row."""

    facts: Floats
    items: "CustomerItems"


class CustomerItems:
    """The items by row. Those of a row stay packed, as the database has them, until somebody asks
    for them."""

    def __init__(self) -> None:
        self._of: dict[int, Items | bytes] = {}

    def of(self, row: int) -> Items:
        """To be read and changed."""
        items = self._of.get(row)
        if items is None:
            items = {}
        elif isinstance(items, bytes):
            numbers = array("d", items).tolist()
            items = {
                int(numbers[at]): numbers[at + 1 : at + FIELDS]
                for at in range(0, len(numbers), FIELDS)
            }
        self._of[row] = items
        return items

    def put(self, row: int, content: bytes) -> None:
        """Take in what `packed` gave."""
        self._of[row] = content

    def drop(self, row: int) -> None:
        self._of.pop(row, None)

    def pack(self, rows: Sequence[int]) -> list[bytes]:
        """Of each row its items in the order of their keys, FIELDS float64 each."""
        return [
            items if isinstance(items, bytes) else _pack(items)
            for items in map(self._of.get, rows, repeat(b""))
        ]


def _pack(items: Items) -> bytes:
    return array("d", [x for key in sorted(items) for x in (key, *items[key])]).tobytes()


def item_key(kind: int, item_id: str) -> int:
    """52-bit key of an item: its kind and 48 bits of its id's hash; exact in a float64."""
    return kind << 48 | int.from_bytes(blake2b(item_id.encode(), digest_size=6).digest(), "big")


def fold(
    store: ItemStore,
    rows: Sequence[int],
    steps: Sequence[tuple[str, Any]],
    occurred_us: Sequence[int],
) -> None:
    """Fold steps of items in log order: one entry an event in each; steps: its type, one of
    `STEPS`, and the event."""
    kinds_of_rows: set[tuple[int, int]] = set()
    for row, (type_, event), us in zip(rows, steps, occurred_us, strict=True):
        kind, id_of, place, rates = STEPS[type_]
        items = store.items.of(row)
        key = item_key(kind, id_of(event.data))
        item = items.get(key)
        if item is None:
            item = items[key] = [0, 0, 0, 0, 0]
        if place is not None and us > item[place]:
            item[place] = us
        if rates and event.data.rating:
            item[_RATED_AT], item[_RATING] = max(
                (item[_RATED_AT], item[_RATING]), (us, float(event.data.rating))
            )
        kinds_of_rows.add((row, kind))
        if len(items) > MOST:
            _prune(store.facts[row], items)
            kinds_of_rows.update(((row, TICKET), (row, COMPLAINT), (row, INVOICE)))
    _summarise(store, kinds_of_rows)


def _prune(facts: Floats, items: Items) -> None:
    """Let go of the closed items first, the oldest of them first: a matter of fold order, not of
    batches."""
    for key in sorted(
        items, key=lambda k: (items[k][0] > items[k][2], max(items[k][0], items[k][2]), k)
    )[:-KEPT]:
        item = items.pop(key)
        if key >> 48 == COMPLAINT:  # it leaves its verdict behind
            well, badly = _verdict(item)
            facts[_WELL_BEFORE] = max(facts[_WELL_BEFORE], well)
            facts[_BADLY_BEFORE] = max(facts[_BADLY_BEFORE], badly)


def _summarise(store: ItemStore, kinds_of_rows: set[tuple[int, int]]) -> None:
    """Write what the items of these (row, kind) come to into the facts."""
    at: list[int] = []
    counts: list[float] = []
    for row, kind in kinds_of_rows:
        first = row * WIDTH
        mine = [item for key, item in store.items.of(row).items() if key >> 48 == kind]
        open_items = [item for item in mine if item[_OPENED] > item[_CLOSED]]
        at += (first + _OPEN_COLUMN[kind], first + _OPEN_COLUMN[kind] + 1)
        counts += (len(open_items), min([item[_OPENED] for item in open_items], default=0))
        if kind == TICKET:
            waiting = [item[_OPENED] for item in open_items if item[_OPENED] > item[_ANSWERED]]
            at += (first + _WAITING, first + _WAITING + 1)
            counts += (len(waiting), min(waiting, default=0))
        elif kind == COMPLAINT:
            at += (first + _SERVED_WELL, first + _SERVED_BADLY)
            counts += _rated_at(store.facts[row], mine)
    store.facts.reshape(-1)[at] = counts


def _rated_at(facts: Floats, complaints: Sequence[list[float]]) -> tuple[float, float]:
    """Derived from the items anew each time: what a rating says depends on whether its complaint is
    resolved."""
    verdicts = [_verdict(item) for item in complaints]
    well = max([well for well, _ in verdicts], default=0.0)
    badly = max([badly for _, badly in verdicts], default=0.0)
    return max(well, float(facts[_WELL_BEFORE])), max(badly, float(facts[_BADLY_BEFORE]))


def _verdict(item: list[float]) -> tuple[float, float]:
    """When a complaint was rated as served well, and as served badly; 0 where it wasn't."""
    opened_at, _, closed_at, rating, rated_at = item
    if rated_at and rating >= WELL_SERVED and closed_at >= opened_at:
        return rated_at, 0.0
    return (0.0, rated_at) if rated_at and rating <= BADLY_SERVED else (0.0, 0.0)
