"""The customer in bodies of webhooks and of the change feed: whose it is, and what it pays, as of
the change."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote

from healthsvc.core.changes.filter import CustomerFacts
from healthsvc.wire.webhooks.webhook_type import Schema

_TEXT: Final[Schema] = {"type": ["string", "null"]}
CUSTOMER_OBJECT: Final[Schema] = {
    "type": "object",
    "description": "The customer as of the change; what nobody told is null.",
    "required": ["name", "owner", "tier", "segment", "mrr", "currency", "band", "flags", "link"],
    "additionalProperties": False,
    "properties": {
        "name": _TEXT,
        "owner": _TEXT,
        "tier": _TEXT,
        "segment": _TEXT,
        "mrr": {
            "type": ["number", "null"],
            "description": "Monthly recurring revenue, in `currency`.",
        },
        "currency": {
            **_TEXT,
            "description": "As the last change of the subscription named it (ISO 4217).",
        },
        "band": _TEXT,
        "flags": {"type": "array", "items": {"type": "string"}},
        "link": {
            "type": "string",
            "description": "Path of the customer in this API: `/v1/customers/acme`.",
        },
    },
}
CustomerObject: TypeAlias = Annotated[Mapping[str, Any], CUSTOMER_OBJECT]
CUSTOMER_EXAMPLE: Final[Mapping[str, Any]] = {
    "name": "Acme Ltd",
    "owner": "kim@example.com",
    "tier": "high",
    "segment": "enterprise",
    "mrr": 4900.0,
    "currency": "EUR",
    "band": "at_risk",
    "flags": ["silent"],
    "link": "/v1/customers/acme",
}


def link(customer_id: str) -> str:
    """The path of a customer in the API."""
    return f"/v1/customers/{quote(customer_id, safe='')}"


def stored_customer(
    profile: Mapping[str, Any],
    *,
    mrr: float | None,
    currency: str | None,
    band: str | None,
    flags: Sequence[str],
) -> dict[str, Any]:
    """What is kept of the customer with a change: all but the link; profile: the last value of each
    field."""
    texts = {name: _text(profile.get(name)) for name in ("name", "owner", "tier", "segment")}
    return {**texts, "mrr": mrr, "currency": currency, "band": band, "flags": list(flags)}


def filter_facts(data: Mapping[str, Any]) -> CustomerFacts | None:
    """What filters look at, of the data of a change; None: it is about no customer."""
    customer = data.get("customer")
    if customer is None:
        return None
    own = [data[name] for name in ("flag", "kind", "previous_kind") if name in data]
    return CustomerFacts(
        owner=customer["owner"],
        segment=customer["segment"],
        tier=customer["tier"],
        band=customer["band"],
        flags=(*customer["flags"], *own),
        mrr=customer["mrr"],
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
