"""The JSON Schema of a scorecard's sections `loyalty`, `heavy_use`, `icp` and `touch`."""

from typing import Any, Final

from healthsvc.core.document.relationship_section import MOST
from healthsvc.core.scorecard.relationship import PARTS
from healthsvc.wire.scorecards.text_schema import text_schema

Schema = dict[str, Any]
TEXT: Final[Schema] = {"type": "string"}
VALUE: Final = ["string", "number", "boolean"]


def relationship_schemas() -> Schema:
    """By the section's name."""
    return {"loyalty": _loyalty(), "heavy_use": _heavy_use(), "icp": _icp(), "touch": _touch()}


def _number(meaning: str, *, low: float = 0, high: float = 1e9, **more: Any) -> Schema:
    return {"type": "number", "minimum": low, "maximum": high, "description": meaning, **more}


def _object(meaning: str, properties: Schema, *required: str, nullable: bool = True) -> Schema:
    return {
        "type": ["object", "null"] if nullable else "object",
        "additionalProperties": False,
        "description": meaning,
        "required": list(required),
        "properties": properties,
    }


def _loyalty() -> Schema:
    part = {
        "name": TEXT | {"description": "Unique; contributions are told under it."},
        "kind": {
            "enum": list(PARTS),
            "description": (
                "tenure: full marks after `days`; count: events of a measure, `at` of them give"
                " half; answer: the last one to a survey, from `worst` to `best`, for `days`;"
                " since: something that happened within `days`; habit: today's rate over the"
                " long-standing one."
            ),
        },
        "weight": _number("Its weight against the other parts.", low=0.001, high=1e6, default=1),
        "measure": TEXT | {"description": "count, habit: a measure that has feeds."},
        "fact": {"$ref": "#/$defs/fact"},
        "at": _number(
            "count: events that give half; habit: the share that is full marks.",
            low=0.001,
            default=1,
        ),
        "days": _number("tenure, answer, since: the span.", low=0.001, high=36_500, default=365),
        "worst": _number("answer: no marks.", low=-1e9, default=0),
        "best": _number("answer: full marks.", low=-1e9, default=1),
        "min_events": _number("habit: fewer events tell nothing.", default=1),
        "heavy": {
            "type": "boolean",
            "default": False,
            "description": "Counts of heavy users alone.",
        },
        "why": text_schema("The reason for the weight, told with each contribution."),
        "play": text_schema("What to do about it."),
    }
    parts = {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST,
        "items": _object("One ground of loyalty.", part, "name", "kind", nullable=False),
    }
    evidence = _number("Fewer grounds than these, and it isn't known.", low=1, high=MOST, default=2)
    return _object("The second axis beside risk.", {"evidence": evidence, "parts": parts}, "parts")


def _heavy_use() -> Schema:
    properties = {
        "measure": TEXT | {"description": "A measure that has feeds."},
        "a_day": _number(
            "Its events a day, over the longest half-life, from which use is heavy.",
            low=0.001,
            default=1,
        ),
    }
    return _object("Who counts as a heavy user.", properties, "measure")


def _icp() -> Schema:
    bounds = {"low": -1e15, "high": 1e15}
    condition = {
        "attribute": (
            TEXT
            | {"description": "An attribute of customer.updated, or segment, country, timezone."}
        ),
        "is": {
            "type": [*VALUE, "array"],
            "items": {"type": VALUE},
            "description": "The value, or the values, that match.",
        },
        "at_least": _number("The number must not be below it.", **bounds),
        "at_most": _number("The number must not be above it.", **bounds),
        "weight": _number(
            "Its weight against the other conditions.", low=0.001, high=1e6, default=1
        ),
        "why": text_schema("Why it is part of the ideal profile."),
    }
    item = _object("One condition: `is`, or bounds.", condition, "attribute", nullable=False)
    return {
        "type": ["array", "null"],
        "minItems": 1,
        "maxItems": MOST,
        "description": "The ideal customer's profile; how well a customer matches is its fit.",
        "items": item | {"anyOf": [{"required": [name]} for name in ("is", "at_least", "at_most")]},
    }


def _touch() -> Schema:
    line = _object(
        "Any one of these is enough.",
        {
            "mrr": _number("Recurring revenue a month.") | {"type": ["number", "null"]},
            "heavy_use": {"type": "boolean", "default": False},
            "conversations": (
                _number("In 30 days, over the longest half-life.", low=0.001)
                | {"type": ["number", "null"]}
            ),
        },
        nullable=False,
    )
    talks = {
        "type": "array",
        "items": TEXT,
        "description": "Measures whose events are conversations.",
    }
    return _object(
        "Which touch tier is suggested.", {"conversations": talks, "high": line, "low": line}
    )
