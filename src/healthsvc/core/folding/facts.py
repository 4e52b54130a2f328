"""Facts of a customer: last answers, contract figures, open items. Every fact is a maximum, or the
last writer by (occurred_at, digest), so order doesn't matter.

A fact is a column of the facts matrix; what open items come to is one as well (see `items`). Events
are folded type by type, many at once: a maximum and a last writer don't mind the order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from math import inf, isnan, nan
from typing import Any, Final, Protocol

import numpy as np

from healthsvc.core import events
from healthsvc.core.arrays import Floats, Int64s
from healthsvc.core.instants import DAY_US, to_us
from healthsvc.core.scorecard import cohort

SLOTS: Final = 16
SLOT_SPAN_DAYS: Final = 28
SLOT_SPAN_US: Final = SLOT_SPAN_DAYS * DAY_US

GROWING: Final = ("seats", "features_owned")
"""Facts of which the largest value is kept, since when it has been told, and the next smaller one:
a customer that grows is judged by what it owned before for a time."""
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
_COLUMNS += [("override", nan), ("override_since", 0.0), ("override_until", nan)]
_COLUMNS += [
    ("mrr_change", nan),
    ("mrr_change_at", 0.0),
    ("mrr_change_tie", 0.0),
]  # as the last change told it
_COLUMNS += [("owner_changed_at", 0.0)]
_COLUMNS += [("sold_at", nan), ("sold_at_at", 0.0), ("sold_at_tie", 0.0)]
_COLUMNS += [
    (f"{name}_code", cohort.NOT_TOLD) for name in cohort.PLACE_FIELDS
]  # of the profile, as numbers

_COLUMNS += [("usual_delay", 0.0), ("new_invoice_paid_at", 0.0), ("items_settled_before", 0.0)]
PRESENCE_BLOCKS: Final = 5
SLOW_LEVELS: Final = 2
_COLUMNS += [(f"presence_{i}", 0.0) for i in range(PRESENCE_BLOCKS)]  # see `presence`
_COLUMNS += [("presence", 0.0)]
_COLUMNS += [(f"slow_{i}", 0.0) for i in range(SLOW_LEVELS)]  # sums of the slow half-life
_COLUMNS += [
    ("nps_mean", nan),
    ("nps_low", nan),
    ("nps_low_at", 0.0),
    ("nps_low_share", 0.0),
    ("nps_high_at", 0.0),
    ("nps_high_share", 0.0),
    ("csat_mean", nan),
    ("csat_low", nan),
    ("csat_low_at", 0.0),
    ("csat_low_share", 0.0),
    ("ces_mean", nan),
    ("surveys_unanswered", 0.0),
    ("replied_at", 0.0),
]  # of several people's answers, see items.voice; our newest reply to the customer
_COLUMNS += [("changed_at", 0.0), ("withdrawn_at", 0.0)]  # of the subscription without an id
_COLUMNS += [
    ("subscriptions", 0.0),
    ("subscriptions_open", 0.0),
    ("subscriptions_end", 0.0),
    ("subscriptions_told_at", 0.0),
    ("subscriptions_renewed_at", 0.0),
    ("subscriptions_cancelled_at", 0.0),
    ("subscriptions_mrr", nan),
    ("subscription_lost_share", 0.0),
    ("subscription_lost_at", 0.0),
]  # of those with ids

_COLUMNS += [("mrr_before", nan)]  # the last change, as told with it
_COLUMNS += [
    ("currency_code", 0.0),
    ("currency_told_at", 0.0),
    ("former_currency_code", 0.0),
    ("former_currency_told_at", 0.0),
]  # of the newest two changes of recurring revenue that named one
for _name in GROWING:
    _COLUMNS += [(f"{_name}_most", nan), (f"{_name}_most_since", inf), (f"{_name}_next", nan)]

COLUMN: Final[Mapping[str, int]] = {name: i for i, (name, _) in enumerate(_COLUMNS)}
TWINS: Final = tuple(
    (COLUMN[name], COLUMN[twin], COLUMN[given])
    for name, twin, given in (
        *((f"{name}_most", name, name) for name in GROWING),
        *((f"{name}_most_since", f"{name}_at", name) for name in GROWING),
        ("currency_told_at", "mrr_change_at", "currency_code"),
    )
)
"""Columns of facts that mostly equal another one, which stored states then leave out; of their
twins; and of facts that are known whenever the first ones are."""
DEFAULTS: Final[Floats] = np.array([default for _, default in _COLUMNS])
WIDTH: Final = len(_COLUMNS)
_INTERNAL: Final = (
    *("slot_", "override", "presence", "slow_", "subscription", "currency_", "former_currency_"),
    *("mrr_before", "new_invoice_paid_at", "items_settled_before", "usual_delay"),
    *(f"{name}_{end}" for name in GROWING for end in ("most", "next")),
)
"""Beginnings of the names of facts that no scorecard names: others are made of them."""
NAMES: Final = tuple(
    name for name, _ in _COLUMNS if not name.startswith(_INTERNAL) and not name.endswith("_code")
)
EVENTS: Final = COLUMN["events"]
FIRST_SEEN: Final = COLUMN["first_seen"]
LAST_SEEN: Final = COLUMN["last_seen"]
SLOT_0: Final = COLUMN["slot_0"]
PRESENCE_0: Final = COLUMN["presence_0"]
PRESENCE: Final = COLUMN["presence"]
SLOW_0: Final = COLUMN["slow_0"]

Profile = dict[str, list[Any]]
"""Field → [value, occurred_us, source, id] of its last writer."""


class FactStore(Protocol):
    """The columns that handlers write to."""

    facts: Floats

    def profile(self, row: int) -> Profile: ...


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one type, in log order: one entry an event in each. `ties` settle equal
    instants."""

    rows: Int64s
    events: Sequence[Any]
    occurred_us: Int64s
    ties: Floats

    def take(self, places: list[int]) -> "Group":
        """The events at these places."""
        return Group(
            self.rows[places],
            [self.events[i] for i in places],
            self.occurred_us[places],
            self.ties[places],
        )


def feature_slot(feature: str) -> int:
    """The slot of a function in the extent sketch (linear counting: Whang, Vander-Zanden, Taylor
    1990)."""
    return blake2b(feature.encode(), digest_size=1).digest()[0] % SLOTS


def instant(value: datetime | None) -> float | None:
    """Microseconds of an instant within the event's data."""
    return None if value is None else float(to_us(value))


def known(value: float) -> bool:
    """Whether a last-writer fact has been written."""
    return not isnan(value)


def write_last(
    store: FactStore,
    name: str,
    group: Group,
    values: Sequence[float | None],
    beside: tuple[str, Sequence[float | None]] | None = None,
) -> None:
    """Last writer by (occurred_at, tie) of each row; None writes nothing. beside: a column that
    the same writer writes, and its values."""
    new_values = np.array([value if value is not None else nan for value in values], np.float64)
    at = np.flatnonzero(~np.isnan(new_values))
    if not len(at):
        return
    rows, us, ties = group.rows[at], group.occurred_us[at].astype(np.float64), group.ties[at]
    order = np.lexsort((-at, ties, us, rows))
    last = order[np.append(rows[order][1:] != rows[order][:-1], True)]
    rows, us, ties, new_values = rows[last], us[last], ties[last], new_values[at[last]]
    column = COLUMN[name]
    kept_us, kept_ties = store.facts[rows, column + 1], store.facts[rows, column + 2]
    later = (us > kept_us) | ((us == kept_us) & (ties > kept_ties))
    rows = rows[later]
    store.facts[rows, column] = new_values[later]
    store.facts[rows, column + 1] = us[later]
    store.facts[rows, column + 2] = ties[later]
    if beside is not None:
        besides = np.array([nan if value is None else value for value in beside[1]], np.float64)
        store.facts[rows, COLUMN[beside[0]]] = besides[at[last]][later]


def _latest(store: FactStore, name: str, group: Group) -> None:
    flat, at = store.facts.reshape(-1), group.rows * WIDTH + COLUMN[name]
    np.maximum.at(flat, at, group.occurred_us.astype(np.float64))


def _survey_answered(store: FactStore, group: Group) -> None:
    answers = [(event.data.survey, float(event.data.score)) for event in group.events]
    for survey in ("nps", "csat", "ces"):
        write_last(
            store, survey, group, [score if kind == survey else None for kind, score in answers]
        )


def _seats_changed(store: FactStore, group: Group) -> None:
    seats = [event.data.seats for event in group.events]
    write_last(store, "seats", group, seats)
    _growth(store, "seats", group, seats)
    write_last(store, "seats_active", group, [event.data.active for event in group.events])


def _unnamed(group: Group) -> Group:
    """The events about the subscription without an id; those with one are items."""
    return group.take([i for i, e in enumerate(group.events) if e.data.subscription_id is None])


def _subscription_renewed(store: FactStore, group: Group) -> None:
    _renewal_at(store, group)
    unnamed = _unnamed(group)
    write_last(store, "mrr", unnamed, [event.data.mrr for event in unnamed.events])
    _latest(store, "renewed_at", unnamed)


def _subscription_changed(store: FactStore, group: Group) -> None:
    _renewal_at(store, group)
    data = [event.data for event in group.events]
    changes = [
        None if d.mrr is None or d.previous_mrr is None else float(d.mrr - d.previous_mrr)
        for d in data
    ]
    write_last(
        store, "mrr_change", group, changes, beside=("mrr_before", [d.previous_mrr for d in data])
    )
    _currencies(store, group)
    unnamed = _unnamed(group)
    write_last(store, "mrr", unnamed, [event.data.mrr for event in unnamed.events])
    paying = [i for i, event in enumerate(unnamed.events) if event.data.mrr]
    _latest(store, "changed_at", unnamed.take(paying))


def _currencies(store: FactStore, group: Group) -> None:
    """Keep the currencies of the newest two changes that name one: amounts in two currencies can't
    be compared."""
    at = COLUMN["currency_code"]
    for row, event, us in zip(
        group.rows.tolist(), group.events, group.occurred_us.tolist(), strict=True
    ):
        if event.data.currency is None or event.data.mrr is None:
            continue
        code, newest_at, former_code, former_at = store.facts[row, at : at + 4].tolist()
        told = [(newest_at, code), (former_at, former_code)]
        told.append((float(us), _currency_code(event.data.currency)))
        (newest_at, code), (former_at, former_code) = sorted(told, reverse=True)[:2]
        store.facts[row, at : at + 4] = (code, newest_at, former_code, former_at)


def _currency_code(currency: str) -> float:
    return float(int.from_bytes(currency.upper().encode(), "big"))


def currency_name(code: float) -> str | None:
    """The currency of a fact; None where nobody named one."""
    number = int(code)
    return number.to_bytes(3, "big").decode("ascii") if number else None


def _growth(store: FactStore, name: str, group: Group, values: Sequence[float | None]) -> None:
    """Keep the largest value, since when it has been told, and the next smaller one."""
    column = COLUMN[f"{name}_most"]
    for row, value, us in zip(group.rows.tolist(), values, group.occurred_us.tolist(), strict=True):
        if value is None:
            continue
        most, since, second = store.facts[row, column : column + 3].tolist()
        if isnan(most) or value > most:
            store.facts[row, column : column + 3] = (value, us, most)
        elif value == most:
            store.facts[row, column + 1] = min(since, us)
        elif isnan(second) or value > second:
            store.facts[row, column + 2] = value


def _renewal_at(store: FactStore, group: Group) -> None:
    renewals = [instant(event.data.renewal_at) for event in group.events]
    write_last(store, "renewal_at", group, renewals)


def _subscription_cancelled(store: FactStore, group: Group) -> None:
    unnamed = _unnamed(group)
    effective_at = [instant(event.data.effective_at) for event in unnamed.events]
    effective = [
        us if at is None else at
        for at, us in zip(effective_at, unnamed.occurred_us.tolist(), strict=True)
    ]
    write_last(store, "cancel_effective", unnamed, effective)
    _latest(store, "cancelled_at", unnamed)


def _cancellation_withdrawn(store: FactStore, group: Group) -> None:
    _latest(store, "withdrawn_at", _unnamed(group))


def _customer_updated(store: FactStore, group: Group) -> None:
    data = [event.data for event in group.events]
    write_last(store, "mrr", group, [d.mrr for d in data])
    write_last(store, "seats", group, [d.seats for d in data])
    features_owned = [_how_many(d.features_owned) for d in data]
    write_last(store, "features_owned", group, features_owned)
    _growth(store, "seats", group, [d.seats for d in data])
    _growth(store, "features_owned", group, features_owned)
    write_last(store, "renewal_at", group, [instant(d.renewal_at) for d in data])
    write_last(store, "sold_at", group, [instant(d.sold_at) for d in data])
    _latest(
        store, "owner_changed_at", group.take([i for i, d in enumerate(data) if _changes_owner(d)])
    )
    for row, event, us in zip(
        group.rows.tolist(), group.events, group.occurred_us.tolist(), strict=True
    ):
        _profile(store, row, event, us)


def _how_many(told: int | Sequence[str] | None) -> int | None:
    """A number, or names that are counted once each."""
    return told if told is None or isinstance(told, int) else len(set(told))


def _changes_owner(data: Any) -> bool:
    """Told by the sender: which owners came before can't be known from the last one, whatever order
    they come in."""
    return bool(data.owner and data.previous_owner) and data.owner != data.previous_owner


def _profile(store: FactStore, row: int, event: Any, us: int) -> None:
    data, profile = event.data, store.profile(row)
    fields = {name: value for name in PROFILE_FIELDS if (value := getattr(data, name)) is not None}
    if data.attributes:
        fields.update({f"attributes.{name}": value for name, value in data.attributes.items()})
    stamp = [us, event.source, event.id]
    for name, value in fields.items():
        if name not in profile or stamp > profile[name][1:]:
            profile[name] = [value, *stamp]
            if name in cohort.PLACE_FIELDS:
                store.facts[row, COLUMN[f"{name}_code"]] = cohort.profile_code(name, value)


def _contact_logged(store: FactStore, group: Group) -> None:
    data = [event.data for event in group.events]
    replies = [i for i, d in enumerate(data) if d.direction != "inbound" or d.outcome in SPOKEN]
    _latest(store, "replied_at", group.take(replies))


SPOKEN: Final = ("positive", "neutral", "negative")
"""Outcomes of a conversation that took place."""
OVERRIDE: Final = "override"


def _override_set(store: FactStore, group: Group) -> None:
    for row, event, us in zip(
        group.rows.tolist(), group.events, group.occurred_us.tolist(), strict=True
    ):
        data = event.data
        override = {
            "score": float(data.score),
            "reason": data.reason,
            "author": data.author,
            "expires_us": to_us(data.expires_at),
            "event_id": event.id,
        }
        _override(store, row, [override, us, event.source, event.id])


def _override_lifted(store: FactStore, group: Group) -> None:
    for row, event, us in zip(
        group.rows.tolist(), group.events, group.occurred_us.tolist(), strict=True
    ):
        _override(store, row, [None, us, event.source, event.id])


def _override(store: FactStore, row: int, entry: list[Any]) -> None:
    """The last word about a customer's score stands in the profile; the columns are what it comes
    to."""
    profile = store.profile(row)
    if OVERRIDE in profile and entry[1:] <= profile[OVERRIDE][1:]:
        return
    profile[OVERRIDE] = entry
    override, since = entry[0], float(entry[1])
    at = COLUMN["override"]
    store.facts[row, at : at + 3] = (
        (nan, since, nan)
        if override is None
        else (override["score"], since, override["expires_us"])
    )


PROFILE_FIELDS: Final = (
    "name",
    "owner",
    "segment",
    "tier",
    "stage",
    "parent_id",
    "timezone",
    "country",
)

Handler = Callable[[FactStore, Group], None]
HANDLERS: Final[Mapping[str, Handler]] = {
    events.SURVEY_ANSWERED.name: _survey_answered,
    events.SEATS_CHANGED.name: _seats_changed,
    events.SUBSCRIPTION_CHANGED.name: _subscription_changed,
    events.SUBSCRIPTION_RENEWED.name: _subscription_renewed,
    events.SUBSCRIPTION_CANCELLED.name: _subscription_cancelled,
    events.CONTACT_LOGGED.name: _contact_logged,
    events.SUBSCRIPTION_CANCELLATION_WITHDRAWN.name: _cancellation_withdrawn,
    events.CUSTOMER_UPDATED.name: _customer_updated,
    events.OVERRIDE_SET.name: _override_set,
    events.OVERRIDE_LIFTED.name: _override_lifted,
}
"""The handler of each event type that writes facts."""
OF_SUBSCRIPTIONS: Final = frozenset(
    {
        events.SUBSCRIPTION_CHANGED.name,
        events.SUBSCRIPTION_RENEWED.name,
        events.SUBSCRIPTION_CANCELLED.name,
        events.SUBSCRIPTION_CANCELLATION_WITHDRAWN.name,
    }
)
"""Event types that change what a customer pays, or until when."""
