"""JSON Schemas (2020-12) of the webhooks we send: one function per type, and the table of all types."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from healthsvc.core.severity import SEVERITIES

Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
NAMESPACE: Final = "urn:healthsvc:webhook:"

INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
CUSTOMER: Final[Schema] = {"type": "string", "description": "The customer that it is about."}
SEQUENCE: Final[Schema] = {
    "type": "integer",
    "description": "Orders the webhooks of one customer: a greater one was decided later. Numbers may leap.",
}
BAND: Final[Schema] = {
    "type": ["string", "null"],
    "description": "A band of the scorecard (healthy, watch, at_risk, critical); null: not enough evidence.",
}
SCORE: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
RISK: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}


def _message(type: str, title: str, fields: Mapping[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "$schema": DIALECT,
        "$id": NAMESPACE + type,
        "title": title,
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": type},
            "timestamp": {**INSTANT, "description": "When it happened."},
            "data": {
                "type": "object",
                "required": [name for name in fields if name not in optional],
                "properties": dict(fields),
            },
        },
    }


def _alert(type: str, title: str, *states: str, more: Mapping[str, Schema] | None = None) -> Schema:
    fields = {
        "id": {
            "type": "string",
            "description": "The alert's id; the same when it is raised, acknowledged and resolved.",
        },
        "customer_id": CUSTOMER,
        "kind": {"type": "string", "description": "What it is about: cancel_intent, silent, usage_drop …"},
        "severity": {"enum": list(SEVERITIES)},
        "state": {"const": states[0]} if len(states) == 1 else {"enum": list(states)},
        "summary": {"type": "string", "description": "One sentence for a person."},
        "onset_at": {**INSTANT, "description": "When its cause happened."},
        "raised_at": {**INSTANT, "description": "When it was decided."},
        "detail": {"type": "object", "description": "The facts behind it."},
        "sequence": SEQUENCE,
        **(more or {}),
    }
    return _message(type, title, fields)


def _decision(type: str, title: str, more: Mapping[str, Schema]) -> Schema:
    fields = {
        "customer_id": CUSTOMER,
        "score": SCORE,
        "risk": {**RISK, "description": "Churn risk over the scorecard's horizon."},
        "band": BAND,
        "previous_band": BAND,
        **more,
        "decided_at": INSTANT,
        "flags": {"type": "array", "items": TEXT, "uniqueItems": True},
        "scorecard_version": {"type": "integer", "minimum": 1},
        "sequence": SEQUENCE,
    }
    return _message(type, title, fields)


def alert_raised() -> Schema:
    return _alert("alert.raised", "An alert was raised.", "open")


def alert_escalated() -> Schema:
    more: dict[str, Schema] = {
        "previous_kind": {"type": "string", "description": "What the same alert was about until now."},
        "previous_severity": {"enum": list(SEVERITIES)},
    }
    title = "An alert became a sharper one: the same cause, with more against the customer."
    return _alert("alert.escalated", title, "open", "acknowledged", more=more)


def alert_acknowledged() -> Schema:
    return _alert("alert.acknowledged", "Somebody took an alert on.", "acknowledged")


def alert_resolved() -> Schema:
    return _alert("alert.resolved", "An alert was resolved, by a person or since its condition ended.", "resolved")


def _operations(type: str, title: str, state: str) -> Schema:
    fields = {
        "id": TEXT,
        "kind": {
            "type": "string",
            "description": "What it is: fleet_guard, model_drift, input_stalled, step_failing …",
        },
        "scope": {"type": "string", "description": "Of what: fleet, source:web, segment:smb, model …"},
        "severity": {"enum": list(SEVERITIES)},
        "state": {"const": state},
        "summary": {"type": "string", "description": "One sentence for a person."},
        "onset_at": {**INSTANT, "description": "When its cause began."},
        "raised_at": INSTANT,
        "by": {"type": ["string", "null"], "description": "Who settled it; `released`: its cause is gone."},
        "note": {"type": ["string", "null"]},
        "detail": {"type": "object", "description": "The facts behind it."},
    }
    return _message(type, title, fields)


def operations_alert_raised() -> Schema:
    return _operations("operations.alert.raised", "The service, or what feeds it, needs an operator.", "open")


def operations_alert_acknowledged() -> Schema:
    return _operations("operations.alert.acknowledged", "An operator took an alert on.", "acknowledged")


def operations_alert_resolved() -> Schema:
    return _operations("operations.alert.resolved", "An operations alert is over.", "resolved")


def customer_band_changed() -> Schema:
    return _decision("customer.band.changed", "A customer moved to another band.", {})


def customer_risk_raised() -> Schema:
    return _decision("customer.risk.raised", "A customer moved to a worse band.", {"previous_risk": RISK})


def _flag(type: str, title: str) -> Schema:
    fields = {"customer_id": CUSTOMER, "flag": TEXT, "decided_at": INSTANT, "sequence": SEQUENCE}
    return _message(type, title, fields)


def customer_flag_raised() -> Schema:
    return _flag("customer.flag.raised", "A flag was raised on a customer.")


def customer_flag_released() -> Schema:
    return _flag("customer.flag.released", "A customer's flag was released.")


def endpoint_disabled() -> Schema:
    reasons = {
        "enum": ["gone", "asked", "failing"],
        "description": "It answered 410; it asked by webhook-delivery: disable; it failed for days.",
    }
    fields = {"endpoint_id": TEXT, "url": TEXT, "reason": reasons, "failing_since": {"type": ["string", "null"]}}
    return _message("endpoint.disabled", "A webhook endpoint was switched off.", fields)


def _delivery(type: str, title: str) -> Schema:
    fields = {
        "delivery_id": COUNT,
        "endpoint_id": TEXT,
        "url": TEXT,
        "message_id": TEXT,
        "message_type": TEXT,
        "attempts": {"type": "integer", "minimum": 1},
        "outcome": {"type": "string", "description": "What came of the last try."},
    }
    return _message(type, title, fields)


def delivery_exhausted() -> Schema:
    return _delivery("delivery.exhausted", "The last try of a delivery failed.")


def delivery_recovered() -> Schema:
    return _delivery("delivery.recovered", "A delivery succeeded after many failed tries.")


def test_sent() -> Schema:
    return _message("test.sent", "Somebody tries an endpoint out.", {"endpoint_id": TEXT, "note": TEXT})


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "alert.raised": alert_raised,
    "alert.escalated": alert_escalated,
    "alert.acknowledged": alert_acknowledged,
    "alert.resolved": alert_resolved,
    "customer.band.changed": customer_band_changed,
    "customer.risk.raised": customer_risk_raised,
    "customer.flag.raised": customer_flag_raised,
    "customer.flag.released": customer_flag_released,
    "operations.alert.raised": operations_alert_raised,
    "operations.alert.acknowledged": operations_alert_acknowledged,
    "operations.alert.resolved": operations_alert_resolved,
    "endpoint.disabled": endpoint_disabled,
    "delivery.exhausted": delivery_exhausted,
    "delivery.recovered": delivery_recovered,
    "test.sent": test_sent,
}


def all_schemas() -> dict[str, Schema]:
    """Every type's schema, by type."""
    return {type: schema() for type, schema in SCHEMAS.items()}
