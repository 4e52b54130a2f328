"""Makers of test data: plain values with sensible defaults, changed by keyword."""

import json
from itertools import count
from typing import Any

from healthsvc.core.actors import Actor
from healthsvc.wire.events.catalogue import BUILTIN_TYPES

_numbers = count(1)


def make_event(type: str = "page.viewed", **overrides: Any) -> dict[str, Any]:
    """A good event of the type as a dictionary; overrides replace fields of the envelope, `data` as
    a whole."""
    known = BUILTIN_TYPES.get(type)
    event = {
        "id": f"evt-{next(_numbers)}",
        "source": "test",
        "type": type,
        "customer_id": "acme",
        "contact_id": "ada@example.com",
        "occurred_at": "2026-05-04T09:30:00Z",
        "data": dict(known.example_data) if known else {},
    }
    return event | overrides


def as_json(event: dict[str, Any]) -> str:
    """The event as a sender would write it."""
    return json.dumps(event, separators=(",", ":"))


def make_actor(name: str = "kim") -> Actor:
    """An API key of this name, as whoever acts."""
    return Actor(kind="key", id=f"key_{name}", name=name)
