"""The JSON Schema of a scorecard's `risk` section."""

from collections.abc import Sequence
from typing import Any

from healthsvc.core.risk import features, mapping, model
from healthsvc.core.risk.section import MOST_KNOTS, MOST_TERMS


def risk_schema() -> dict[str, Any]:
    """Horizon, what types are, and the model: `prior`, or one with its terms as the lab's fit
    writes it."""
    types = {"type": "array", "items": {"type": ["string", "number"]}}
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "description": "Churn risk; without this section it is 1 - score / 100, a ranking.",
        "properties": {
            "horizon_days": {
                "type": "number",
                "minimum": 3,
                "maximum": 36_500,
                "default": 28,
                "description": (
                    "Within how many days a customer may leave; the model's half-lives are made"
                    " of it."
                ),
            },
            "mapping": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "description": "What event types are; those not named are judged by their words.",
                "properties": (
                    dict.fromkeys(mapping.KINDS, types)
                    | {"default": {"enum": list(mapping.KINDS), "default": "act"}}
                ),
            },
            "model": {"anyOf": [{"const": "prior"}, _model()], "default": "prior"},
        },
    }


def event_types_schema() -> dict[str, Any]:
    """What the operator's own types of event are."""
    roles = {
        "act": "The customer's own acts: they break silence, are evidence, and lower the risk.",
        "neutral": (
            "What we or our systems do, such as what we send: it says nothing of the customer."
        ),
        "trouble": "Trouble: it raises the risk, and is no activity.",
        "outcome": "The churn itself, for the lab's fit.",
    }
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "description": (
            "What event types of your own are, for activity (`*`), evidence, the hours to call and"
            " the risk alike. Those not named are judged by their words, then by `default`. Left"
            " out: all of them are activity."
        ),
        "properties": {
            role: {
                "type": "array",
                "items": {"type": "string"},
                "description": f"{meaning} A type, or the beginning of some, as in `email.*`.",
            }
            for role, meaning in roles.items()
        }
        | {"default": {"enum": list(mapping.KINDS), "default": "act"}},
    }


def _model() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["name", "kind"],
        "additionalProperties": False,
        "description": (
            "Log-odds: the intercept (the reference customer's) and what each term adds."
        ),
        "properties": {
            "name": {"enum": list(model.MODELS)},
            "kind": {"enum": list(model.KINDS), "description": "What the number is."},
            "intercept": {"type": "number", "minimum": -1e3, "maximum": 1e3, "default": 0},
            "terms": {"type": "array", "maxItems": MOST_TERMS, "items": _term()},
        },
    }


def _term() -> dict[str, Any]:
    numbers = {"type": "array", "minItems": 1, "maxItems": MOST_KNOTS, "items": {"type": "number"}}
    return {
        "type": "object",
        "required": ["feature", "at", "gives"],
        "additionalProperties": False,
        "properties": {
            **_feature(features.KINDS),
            "of": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "description": "product: the two features.",
                "items": {
                    "type": "object",
                    "required": ["feature"],
                    "additionalProperties": False,
                    "properties": _feature([kind for kind in features.KINDS if kind != "product"]),
                },
            },
            "at": (
                numbers
                | {"description": "Rising knots; beyond the outer ones the term is constant."}
            ),
            "gives": numbers | {"description": "Log-odds at each knot."},
            "reference": {
                "type": "number",
                "default": 0,
                "description": "What the reference customer gets.",
            },
        },
    }


def _feature(kinds: Sequence[str]) -> dict[str, Any]:
    days = {"type": "number", "minimum": 3, "maximum": 36_500}
    return {
        "feature": {"enum": list(kinds)},
        "source": {
            "type": "string",
            "description": "act, neutral, trouble, any, or type: and an event type.",
        },
        "half_life_days": days,
        "long_days": days | {"description": "trend: the longer half-life."},
        "scale": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 1,
            "description": "Values are divided by it.",
        },
    }
