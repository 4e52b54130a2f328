"""The JSON Schema of a scorecard's variants, its rules of the lifecycle, and its reference."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from healthsvc.core.document.reference_section import LEAST, MOST
from healthsvc.core.document.variants import FLAG_KEYS, MEASURE_KEYS
from healthsvc.core.scorecard.cohort import NAMED_STAGES, STAGE_KINDS, TIERS
from healthsvc.core.scorecard.distributions import EVERYBODY
from healthsvc.core.scorecard.surveys import HIGH, LOW, SURVEYS, Survey

Schema = dict[str, Any]
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}


def variant_schema(flag: Schema, measure: Schema) -> Schema:
    """What a variant may change. flag, measure: the properties of a whole one."""
    judge = {"type": "object", "description": "Each key stands in place of the measure's own."}
    return {
        "type": "object",
        "required": ["name", "when"],
        "additionalProperties": False,
        "properties": {
            "name": {**_TEXT, "description": "Unique; customers and explanations name it."},
            "when": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "description": (
                    "Which customers; all that is said must fit. null fits where nobody said."
                ),
                "properties": {
                    "segment": _one_or_several(None),
                    "tier": _one_or_several(TIERS),
                    "stage": _one_or_several(NAMED_STAGES),
                },
            },
            "dimensions": _changes(
                {"type": "number", "minimum": 0, "maximum": 1e6}, "Weights of dimensions, by name."
            ),
            "measures": _changes(
                _some(measure, MEASURE_KEYS) | {"judge": judge}, "By name.", properties=True
            ),
            "flags": _changes(_some(flag, FLAG_KEYS), "By name.", properties=True),
            "bands": _changes(
                {"type": "number", "minimum": 0, "maximum": 100}, "Floors of bands, by name."
            ),
            "evidence_events": {"type": "number", "minimum": 1},
            "evidence_coverage": {"type": "number", "minimum": 0, "maximum": 1},
            "hysteresis": {"type": "number", "minimum": 0, "maximum": 20},
            "dwell_days": {"type": "number", "minimum": 0.001, "maximum": 36_500},
        },
    }


def stage_schema() -> Schema:
    """One rule of the lifecycle."""
    return {
        "type": "object",
        "required": ["stage", "kind"],
        "additionalProperties": False,
        "properties": {
            "stage": {"enum": list(NAMED_STAGES)},
            "kind": {
                "enum": list(STAGE_KINDS),
                "description": (
                    "young: `days` since the sale, or since the customer was first seen; ahead:"
                    " `days` before an instant; fed: an event fed `measure` within `days`; reached:"
                    " `fact` is at least `at`, told within `days`; ratio: `fact` is at least `at`"
                    " of `to`; adopted: so much of the features owned was ever used; otherwise:"
                    " always."
                ),
            },
            "days": {"type": "number", "minimum": 0.001, "maximum": 36_500, "default": 30},
            "fact": {"$ref": "#/$defs/fact"},
            "to": {"$ref": "#/$defs/fact"},
            "measure": {"type": "string", "description": "A measure that has feeds."},
            "at": {"type": "number", "default": 0},
        },
    }


def reference_schema() -> Schema:
    """Where customers stood: made at publishing, or given."""
    quantiles = {
        "type": "array",
        "minItems": LEAST,
        "maxItems": MOST,
        "items": {"type": "number", "minimum": 0},
        "description": "Evenly spaced quantiles, rising from the lowest value to the highest.",
    }
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "description": (
            "Distributions that customers are placed in. Left out: made of the customers there are"
            " when the version is published, and kept with it."
        ),
        "properties": {
            "taken_at": {"type": "string"},
            "customers": {"type": "integer", "minimum": 0},
            "measures": {
                "type": "object",
                "description": (
                    "Of each measure, by segment; * is all customers, and counts for segments not"
                    " named."
                ),
                "additionalProperties": {
                    "type": "object",
                    "required": [EVERYBODY],
                    "additionalProperties": quantiles,
                },
            },
            "mrr": quantiles,
        },
    }


def _one_or_several(allowed: Sequence[str] | None) -> Schema:
    one = {**_TEXT, "type": ["string", "null"]} if allowed is None else {"enum": [*allowed, None]}
    return {"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}


def _some(properties: Schema, keys: Sequence[str]) -> Schema:
    return {key: properties[key] for key in keys}


def _changes(what: Schema, meaning: str, *, properties: bool = False) -> Schema:
    value = (
        {"type": ["object", "null"], "additionalProperties": False, "properties": what}
        if properties
        else what
    )
    return {"type": ["object", "null"], "additionalProperties": value, "description": meaning}


def surveys_schema() -> Schema:
    """How the answers of several people come to one judgement."""

    def lines(meaning: str, defaults: Mapping[Survey, float]) -> Schema:
        numbers = {
            survey: {"type": "number", "minimum": 0, "maximum": 10, "default": defaults[survey]}
            for survey in SURVEYS
        }
        return {
            "type": ["object", "null"],
            "additionalProperties": False,
            "description": meaning,
            "properties": numbers,
        }

    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "description": "Answers of several people to a survey: each person's newest counts.",
        "properties": {
            "low": lines("Up to here an answer is low; of NPS, a detractor's.", LOW),
            "high": lines("From here on an answer is high; of NPS, a promoter's.", HIGH),
            "half_life_days": {
                "type": "number",
                "minimum": 0.001,
                "maximum": 36_500,
                "default": 120,
                "description": "An answer so much older than the newest one weighs half of it.",
            },
            "decider_weight": {
                "type": "number",
                "minimum": 1,
                "maximum": 100,
                "default": 3,
                "description": "How much more a champion's or decider's answer weighs.",
            },
        },
    }
