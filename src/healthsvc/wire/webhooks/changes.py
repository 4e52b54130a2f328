"""Bodies of changes: made of what was kept with a change, in the flush for webhooks, on reading for
the feed, and so the same."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from healthsvc.core.changes.filter import CustomerFacts
from healthsvc.wire.webhooks import bodies, customer_object

_DERIVED: Final = ("customer_id", "sequence")
"""Fields that a change has beside its facts."""


class ChangeFacts(NamedTuple):
    """One change as it is kept."""

    type: str
    customer_key: int
    """0: it is about no customer."""
    customer_id: str | None
    sequence: int
    """Numbers the changes of one customer."""
    at: datetime
    """When it was decided."""
    facts: str
    """JSON."""


def encode_facts(data: Any) -> str:
    """What is kept of the data of a change: all but what the change says beside it."""
    kept = {field.name: getattr(data, field.name) for field in fields(data)}
    for name in _DERIVED:
        kept.pop(name, None)
    return bodies.detail_json(kept)


def change_id(customer_key: int, sequence: int) -> str:
    """The id of a change, in webhooks and in the feed."""
    return bodies.message_id("change", customer_key, sequence)


def decode(change: ChangeFacts) -> tuple[dict[str, Any], CustomerFacts | None]:
    """The data of a change, and what filters look at."""
    facts: dict[str, Any] = msgspec.json.decode(change.facts)
    if change.customer_id is None:
        return facts, None
    customer = {**facts["customer"], "link": customer_object.link(change.customer_id)}
    own = {"customer_id": change.customer_id, "customer": customer}
    data = {**own, **facts, "customer": customer, "sequence": change.sequence}
    return data, customer_object.filter_facts(facts)


def body(change: ChangeFacts, data: Mapping[str, Any]) -> str:
    """The JSON of a webhook about a change; data: of `decode`."""
    return bodies.body(change.type, change.at, data)


def item(change: ChangeFacts, data: Mapping[str, Any]) -> bytes:
    """The JSON of an item of the feed: the body, with the id and the customer of its change."""
    head = {
        "id": change_id(change.customer_key, change.sequence),
        "sequence": change.sequence,
        "customer_id": change.customer_id,
    }
    return msgspec.json.encode(head)[:-1] + b"," + body(change, data).encode()[1:]
