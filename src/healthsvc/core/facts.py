"""Facts of a customer: last answers, contract figures, open items. Every fact is a maximum, or the last writer by
(occurred_at, digest), so order doesn't matter.

A fact is a column of the facts matrix. Items (tickets, complaints, invoices) are kept by the hash of their id, at
most `ITEMS_KEPT` a
customer: the open ones first, then the newest; what they come to (how many are open, since when) is written into
columns.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from math import inf, isnan, nan
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.instants import to_us

Floats = NDArray[np.float64]

SLOTS: Final = 16
SLOT_SPAN_DAYS: Final = 28
ITEMS_KEPT: Final = 7
ITEMS_MOST: Final = 9
"""Beyond so many they are pruned to `ITEMS_KEPT`."""
ITEM_FIELDS: Final = 6
"""key, opened, answered, closed, rating, rated_at: float64 each, 0 where unknown."""

_COLUMNS: list[tuple[str, float]] = [("events", 0.0), ("first_seen", inf), ("last_seen", 0.0)]
LAST_WRITER: Final = (
    "nps",
    "csat",
    "ces",
    "mrr",
    "seats",
    "seats_active",
    "features_owned",
    "renewal_at",
    "cancel_effective",
)
for _name in LAST_WRITER:
    _COLUMNS += [(_name, nan), (f"{_name}_at", 0.0), (f"{_name}_tie", 0.0)]
_COLUMNS += [
    (name, 0.0)
    for name in (
        *("cancelled_at", "renewed_at"),
        *("tickets_open", "tickets_open_since", "tickets_waiting", "tickets_waiting_since"),
        *("complaints_open", "complaints_open_since", "invoices_overdue", "invoices_overdue_since"),
        *("served_well_at", "served_badly_at"),
    )
]
_COLUMNS += [(f"slot_{i}", 0.0) for i in range(SLOTS)]
_COLUMNS += [
    (name, 0.0) for name in ("well_served_before_at", "badly_served_before_at")
]  # of complaints no longer kept

COLUMN: Final[Mapping[str, int]] = {name: i for i, (name, _) in enumerate(_COLUMNS)}
DEFAULTS: Final[Floats] = np.array([default for _, default in _COLUMNS])
WIDTH: Final = len(_COLUMNS)
NAMES: Final = tuple(name for name, _ in _COLUMNS if not name.startswith("slot_"))
EVENTS: Final = COLUMN["events"]
FIRST_SEEN: Final = COLUMN["first_seen"]
LAST_SEEN: Final = COLUMN["last_seen"]
SLOT_0: Final = COLUMN["slot_0"]

TICKET, COMPLAINT, INVOICE = 1, 2, 3
WELL_SERVED: Final = 4.0
"""A rating (1-5) from here on counts as served well."""
BADLY_SERVED: Final = 2.0
"""And one up to here as served badly."""

Items = dict[int, list[float]]
Profile = dict[str, list[Any]]
"""Field → [value, occurred_us, source, id] of its last writer."""


class FactStore(Protocol):
    """The columns that handlers write to."""

    facts: Floats
    items: dict[int, Items]

    def profile(self, row: int) -> Profile: ...


class FactEvent(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def data(self) -> Any: ...


def item_key(kind: int, item_id: str) -> int:
    """52-bit key of an item: its kind and 48 bits of its id's hash; exact in a float64."""
    return kind << 48 | int.from_bytes(blake2b(item_id.encode(), digest_size=6).digest(), "big")


def feature_slot(feature: str) -> int:
    """The slot of a function in the extent sketch (linear counting: Whang, Vander-Zanden, Taylor 1990)."""
    return blake2b(feature.encode(), digest_size=1).digest()[0] % SLOTS


def write_last(facts: Floats, row: int, name: str, value: float, us: int, tie: float) -> None:
    """Last writer by (occurred_at, tie)."""
    at = COLUMN[name]
    kept_us, kept_tie = facts[row, at + 1], facts[row, at + 2]
    if us > kept_us or (us == kept_us and tie > kept_tie):
        facts[row, at : at + 3] = (value, us, tie)


def _latest(facts: Floats, row: int, name: str, us: float) -> None:
    at = COLUMN[name]
    if us > facts[row, at]:
        facts[row, at] = us


def _item(
    store: FactStore,
    row: int,
    kind: int,
    item_id: str,
    *,
    opened: float = 0,
    answered: float = 0,
    closed: float = 0,
    rating: float = 0,
    rated_at: float = 0,
) -> None:
    items = store.items.get(row)
    if items is None:
        items = store.items[row] = {}
    key = item_key(kind, item_id)
    item = items.get(key)
    if item is None:
        item = items[key] = [opened, answered, closed, rating, rated_at]
    else:
        item[0], item[1], item[2] = max(item[0], opened), max(item[1], answered), max(item[2], closed)
        if rated_at and (rated_at, rating) > (item[4], item[3]):
            item[3], item[4] = rating, rated_at
    facts = store.facts[row]
    if len(items) > ITEMS_MOST:
        _prune(facts, items)
        kind = 0
    summarise_items(facts, items, kind)


def _prune(facts: Floats, items: Items) -> None:
    """Let go of the closed items first, the oldest of them first: a matter of fold order, not of batches."""
    for key in sorted(items, key=lambda k: (items[k][0] > items[k][2], max(items[k][0], items[k][2]), k))[:-ITEMS_KEPT]:
        _retire(facts, key, items.pop(key))


_OPEN: Final = (
    (TICKET, COLUMN["tickets_open"]),
    (COMPLAINT, COLUMN["complaints_open"]),
    (INVOICE, COLUMN["invoices_overdue"]),
)
_WAITING: Final = COLUMN["tickets_waiting"]
_SERVED_WELL, _SERVED_BADLY = COLUMN["served_well_at"], COLUMN["served_badly_at"]
_WELL_BEFORE, _BADLY_BEFORE = COLUMN["well_served_before_at"], COLUMN["badly_served_before_at"]


def summarise_items(facts: Floats, items: Items, changed: int = 0) -> None:
    """Write what the items come to into the row's columns; `changed`: only this kind of item has (0: any may)."""
    for kind, column in _OPEN:
        if changed in (0, kind):
            first, last = kind << 48, (kind + 1) << 48
            mine = [i for k, i in items.items() if first <= k < last]
            opened = [i for i in mine if i[0] > i[2]]
            _count(facts, column, [i[0] for i in opened])
            if kind == TICKET:
                _count(facts, _WAITING, [i[0] for i in opened if i[0] > i[1]])
            elif kind == COMPLAINT:
                _served(facts, mine)


def _served(facts: Floats, complaints: list[list[float]]) -> None:
    """Derived from the items anew each time: what a rating says depends on whether its complaint is resolved."""
    verdicts = [_verdict(item) for item in complaints]
    facts[_SERVED_WELL] = max((well for well, _ in verdicts), default=0.0)
    facts[_SERVED_BADLY] = max((badly for _, badly in verdicts), default=0.0)
    facts[_SERVED_WELL] = max(facts[_SERVED_WELL], facts[_WELL_BEFORE])
    facts[_SERVED_BADLY] = max(facts[_SERVED_BADLY], facts[_BADLY_BEFORE])


def _verdict(item: list[float]) -> tuple[float, float]:
    """When a complaint was rated as served well, and as served badly; 0 where it wasn't."""
    opened, _, closed, rating, rated_at = item
    if rated_at and rating >= WELL_SERVED and closed >= opened:
        return rated_at, 0.0
    return (0.0, rated_at) if rated_at and rating <= BADLY_SERVED else (0.0, 0.0)


def _retire(facts: Floats, key: int, item: list[float]) -> None:
    """An item that isn't kept any longer leaves its verdict behind."""
    if key >> 48 == COMPLAINT:
        well, badly = _verdict(item)
        facts[_WELL_BEFORE] = max(facts[_WELL_BEFORE], well)
        facts[_BADLY_BEFORE] = max(facts[_BADLY_BEFORE], badly)


def _count(facts: Floats, column: int, since: list[float]) -> None:
    facts[column : column + 2] = (len(since), min(since)) if since else (0.0, 0.0)


def _survey_answered(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
    write_last(store.facts, row, event.data.survey, float(event.data.score), us, tie)


def _seats_changed(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
    _figures(store, row, (("seats", event.data.seats), ("seats_active", event.data.active)), us, tie)


def _figures(store: FactStore, row: int, figures: tuple[tuple[str, Any], ...], us: int, tie: float) -> None:
    for name, value in figures:
        if value is not None:
            write_last(store.facts, row, name, float(value), us, tie)


def _ticket(field: str) -> "Handler":
    def handle(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
        rating = getattr(event.data, "rating", None)
        _item(store, row, TICKET, event.data.ticket_id, **{field: us}, rating=rating or 0, rated_at=us if rating else 0)

    return handle


def _complaint(field: str) -> "Handler":
    def handle(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
        _item(store, row, COMPLAINT, event.data.complaint_id, **{field: us})

    return handle


def _complaint_rated(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
    _item(store, row, COMPLAINT, event.data.complaint_id, rating=float(event.data.rating), rated_at=us)


def _invoice(field: str) -> "Handler":
    def handle(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
        _item(store, row, INVOICE, event.data.invoice_id, **{field: us})

    return handle


def _subscription(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
    renewal = getattr(event.data, "renewal_at", None)
    _figures(store, row, (("mrr", event.data.mrr), ("renewal_at", instant(renewal))), us, tie)
    _latest(store.facts, row, "renewed_at", us)


def _subscription_cancelled(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
    effective = instant(event.data.effective_at)
    write_last(store.facts, row, "cancel_effective", us if effective is None else effective, us, tie)
    _latest(store.facts, row, "cancelled_at", us)


def _customer_updated(store: FactStore, row: int, event: FactEvent, us: int, tie: float) -> None:
    data = event.data
    figures = (
        ("mrr", data.mrr),
        ("seats", data.seats),
        ("features_owned", data.features_owned),
        ("renewal_at", instant(data.renewal_at)),
    )
    _figures(store, row, figures, us, tie)
    profile = store.profile(row)
    fields = {name: value for name in PROFILE_FIELDS if (value := getattr(data, name)) is not None}
    fields.update({f"attributes.{name}": value for name, value in (data.attributes or {}).items()})
    stamp = [us, event.source, event.id]
    for name, value in fields.items():
        if name not in profile or stamp > profile[name][1:]:
            profile[name] = [value, *stamp]


PROFILE_FIELDS: Final = ("name", "owner", "segment", "tier", "stage", "parent_id", "timezone", "country")


def instant(value: datetime | None) -> float | None:
    """Microseconds of an instant within the event's data."""
    return None if value is None else float(to_us(value))


Handler = Callable[[FactStore, int, FactEvent, int, float], None]
HANDLERS: Final[Mapping[str, Handler]] = {
    "survey.answered": _survey_answered,
    "seats.changed": _seats_changed,
    "ticket.opened": _ticket("opened"),
    "ticket.answered": _ticket("answered"),
    "ticket.resolved": _ticket("closed"),
    "complaint.filed": _complaint("opened"),
    "complaint.resolved": _complaint("closed"),
    "complaint.rated": _complaint_rated,
    "invoice.overdue": _invoice("opened"),
    "invoice.paid": _invoice("closed"),
    "subscription.changed": _subscription,
    "subscription.renewed": _subscription,
    "subscription.cancelled": _subscription_cancelled,
    "customer.updated": _customer_updated,
}


def known(value: float) -> bool:
    """Whether a last-writer fact has been written."""
    return not isnan(value)
