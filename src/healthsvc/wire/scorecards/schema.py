"""The JSON Schema of a scorecard document, for editors and for whoever writes one.

It says of each field what it means and what is allowed. The core has the last word
(`scorecard_faults`): that a measure exists, that bands fall, that a half-life is one of those
declared.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol

from healthsvc.core.document.parts import MOST_FLAGS, MOST_MEASURES
from healthsvc.core.document.variants import MOST_VARIANTS
from healthsvc.core.events import BUILTIN_TYPES
from healthsvc.core.folding import facts
from healthsvc.core.scorecard.cohort import TIERS
from healthsvc.core.scoring import flags, judges
from healthsvc.core.severity import SEVERITIES
from healthsvc.wire.scorecards.page_schema import page_schemas, rule_schema
from healthsvc.wire.scorecards.relationship_schema import relationship_schemas
from healthsvc.wire.scorecards.rhythm_schema import rhythm_schema
from healthsvc.wire.scorecards.risk_schema import event_types_schema, risk_schema
from healthsvc.wire.scorecards.text_schema import text_schema
from healthsvc.wire.scorecards.variant_schema import (
    reference_schema,
    stage_schema,
    surveys_schema,
    variant_schema,
)

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}


def scorecard_schema() -> Schema:
    """The whole document."""
    properties: Schema = {
        "name": TEXT | {"description": "What people call it."},
        "half_lives_days": {
            "type": "array",
            "minItems": 2,
            "maxItems": 5,
            "items": {"type": "number", "minimum": 3, "exclusiveMaximum": 36_500},
            "description": (
                "Rising: today's habit first, the long-standing one last. Each measure keeps a"
                " level of each."
            ),
        },
        "evidence_events": _number(
            "Fewer events than this are not enough evidence for a score.", 3, low=1
        ),
        "evidence_measure": {
            "type": ["string", "null"],
            "description": (
                "A measure of the customer's own acts: its events are the evidence. Left out: every"
                " event counts, whoever made it."
            ),
        },
        "evidence_coverage": _number(
            "The least share of the scorecard's weight that must have evidence for a score.",
            0,
            high=1,
        ),
        "coverage_levels": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "description": (
                "From which share on the coverage is called medium and high; below, it is low."
            ),
            "properties": {
                "medium": _number("From here on it is medium.", 0.3, high=1),
                "high": _number("From here on it is high.", 0.6, high=1),
            },
        },
        "event_types": event_types_schema(),
        "surveys": surveys_schema(),
        "hysteresis": _number("Points beyond a band's floor before the band changes.", 3, high=20),
        "dwell_days": _number(
            "How long a better band must hold; a worse one is believed at once.", 1, low=0.001
        ),
        "bands": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100},
            "description": (
                "Band names and their floors, no two the same; the worst one's floor is 0."
            ),
        },
        "dimensions": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1e6},
            "description": "Dimension names and their weights against each other.",
        },
        "measures": {
            "type": "array",
            "maxItems": MOST_MEASURES,
            "items": {"$ref": "#/$defs/measure"},
        },
        "flags": {"type": "array", "maxItems": MOST_FLAGS, "items": {"$ref": "#/$defs/flag"}},
        "variants": {
            "type": ["array", "null"],
            "maxItems": MOST_VARIANTS,
            "items": {"$ref": "#/$defs/variant"},
            "description": (
                "How customers of certain segments, tiers or stages are judged. Of several that fit"
                " a customer, the first judges it; where none fits, the scorecard itself does."
            ),
        },
        "lifecycle": {
            "type": ["array", "null"],
            "items": {"$ref": "#/$defs/stage"},
            "description": (
                "Which stage a customer is in that nobody named one for: the first rule that holds"
                " says it. Left out: the built-in rules."
            ),
        },
        "large_account": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "description": "Which accounts are named for their size where their score is low.",
            "properties": {
                "percentile": {
                    "type": ["number", "null"],
                    "minimum": 1,
                    "maximum": 99.9,
                    "description": (
                        "From this place among the customers' MRR on, as frozen at publishing."
                    ),
                },
                "mrr": _number(
                    "From this MRR on, where no place is asked for or known.", 1000, high=1e12
                ),
            },
        },
        "accounts": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "description": (
                "The segments that mark accounts which aren't paying customers. Trials are scored,"
                " and no churn while they pay nothing; test accounts are neither scored nor"
                " counted."
            ),
            "properties": {
                "trial": {"type": "array", "items": TEXT},
                "test": {"type": "array", "items": TEXT},
            },
        },
        "comeback": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "required": ["use"],
            "description": (
                "How a customer that left comes back, beside a contract event: by use and the"
                " payment of an invoice that is first heard of after the end. Left out: by contract"
                " alone."
            ),
            "properties": {"use": TEXT | {"description": "The measure whose events show use."}},
        },
        "rhythm": rhythm_schema(),
        "cool_days": _number(
            "After an alert of a fall in band, for so long there is no other.", 35, high=3650
        ),
        "reference": reference_schema(),
        "risk": risk_schema(),
        **relationship_schemas(),
        **page_schemas(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:healthsvc:scorecard",
        "title": "Scorecard",
        "description": (
            "What feeds the score of a customer, how it is judged, which rules flag and cap, and"
            " where the bands lie. Written as YAML or JSON; a published version is immutable."
        ),
        "type": "object",
        "required": ["name", "half_lives_days", "bands", "dimensions", "measures"],
        "additionalProperties": False,
        "properties": properties,
        "$defs": {
            "feed": _feed(),
            "judge": _judge(),
            "measure": _measure(),
            "flag": _flag(),
            "variant": variant_schema(_flag()["properties"], _measure()["properties"]),
            "stage": stage_schema(),
            "page_kind": rule_schema(),
            "fact": {
                "enum": ["", *facts.NAMES],
                "description": "Something that is known of a customer.",
            },
        },
    }


def _number(meaning: str, default: float, *, low: float = 0, high: float = 1e9) -> Schema:
    return {
        "type": "number",
        "minimum": low,
        "maximum": high,
        "default": default,
        "description": meaning,
    }


class _Kind(Protocol):
    meaning: ClassVar[str]


def _kinds(kinds: Mapping[str, type[_Kind]]) -> Schema:
    """The names of the kinds, and what each means."""
    meanings = "; ".join(f"{name}: {kind.meaning}" for name, kind in kinds.items())
    return {"enum": list(kinds), "description": f"{meanings}."}


def _feed() -> Schema:
    builtin = ", ".join(sorted(BUILTIN_TYPES))
    types = f"Built-in: {builtin}; any other is a type of your own; * is every type of your own "
    return {
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["type"]}, {"required": ["types"]}],
        "properties": {
            "type": TEXT | {"description": f"{types}that no other feed names."},
            "types": {
                "type": "array",
                "minItems": 1,
                "items": TEXT,
                "description": "Several types at once.",
            },
            "where": {
                "type": "object",
                "additionalProperties": {
                    "type": ["string", "number", "boolean", "null", "array"],
                    "items": {"type": ["string", "number", "boolean", "null"]},
                },
                "description": (
                    "Properties of the event's data (or the page's kind) and the value or values"
                    " that count; all must hold."
                ),
            },
            "weight": _number("What one event counts.", 1, low=0.001, high=1000),
        },
    }


def _judge() -> Schema:
    return {
        "type": "object",
        "required": ["kind"],
        "additionalProperties": False,
        "properties": {
            "kind": _kinds(judges.KINDS),
            "at": _number(
                "habit, ratio: the share that is full marks; target, trouble, unanswered, credit,"
                " and segment without a reference: the level that counts half; extent: features"
                " owned if unknown.",
                1,
                low=0.001,
            ),
            "half_life_days": _number(
                "survey, voices, served: how fast it loses weight; recent: how fast marks fall.",
                90,
                low=0.001,
                high=36_500,
            ),
            "days": _number(
                "recent: so long after the newest event the marks are full.",
                7,
                low=0.001,
                high=36_500,
            ),
            "fact": {"$ref": "#/$defs/fact"},
            "to": {"$ref": "#/$defs/fact"},
            "worst": _number("survey, voices: the answer that is no marks.", 0, low=-1e9),
            "best": _number(
                "survey, voices: the answer that is full marks; served: the marks, 0 to 1.",
                1,
                low=-1e9,
            ),
            "min_events": _number("habit, target, recent: fewer events are no evidence.", 1),
            "grace_days": {
                "type": ["number", "null"],
                "minimum": 0.001,
                "maximum": 36_500,
                "description": (
                    "extent, ratio: so long after a growth it is judged by what was owned before;"
                    " open: so long what is open costs nothing."
                ),
            },
            "usual_times": _number(
                "open, of invoices: the grace is so many times the customer's usual delay, where"
                " that is longer.",
                0,
                high=100,
            ),
        },
    }


def _measure() -> Schema:
    return {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "oneOf": [{"required": ["feeds"]}, {"required": ["of"]}],
        "dependentRequired": {"judge": ["dimension"], "dimension": ["judge"]},
        "properties": {
            "name": TEXT | {"description": "Unique; contributions are told under it."},
            "feeds": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/feed"}},
            "of": (
                TEXT
                | {"description": "Judge another measure's events instead of events of its own."}
            ),
            "dimension": {
                "type": ["string", "null"],
                "description": "One of `dimensions`; without: kept, not scored.",
            },
            "share": _number("Its weight within the dimension.", 0, high=100),
            "judge": {"anyOf": [{"$ref": "#/$defs/judge"}, {"type": "null"}]},
            "why": text_schema("The reason for the weight, told with each contribution."),
        },
    }


def _flag() -> Schema:
    return {
        "type": "object",
        "required": ["name", "kind", "title"],
        "additionalProperties": False,
        "if": {"properties": {"kind": {"enum": ["both", "either"]}}, "required": ["kind"]},
        "then": {"required": ["of"]},
        "properties": {
            "name": TEXT | {"description": "Unique; the kind of its alert."},
            "kind": _kinds(flags.KINDS),
            "title": text_schema(
                "What the customer did, after its name: the summary of the alert, with the play's"
                " first step."
            ),
            "measure": (
                TEXT
                | {
                    "description": (
                        "A measure that has feeds; intent, level, absence, drop, unstarted and"
                        " returned need it; notice: events that say that the customer will leave."
                    )
                }
            ),
            "release": (
                TEXT | {"description": "intent: the measure of the contacts that release it."}
            ),
            "blocked_by": (
                TEXT
                | {
                    "description": (
                        "intent: the measure of contacts that settle nothing; while the newest"
                        " contact is one of them, it isn't released."
                    )
                }
            ),
            "fact": {"$ref": "#/$defs/fact"},
            "half_life_days": _number("level: one of half_lives_days.", 14, low=0.001, high=36_500),
            "at": _number("The line.", 0, low=-1e9),
            "exit": {
                "type": "number",
                "description": (
                    "level, drop, fading: the line at which a flag that stands is released; between"
                    " the lines its cap slides. Left out: `at`."
                ),
            },
            "times": _number(
                "level: so many times the long-standing rate; intent: below so many times it the"
                " event is a habit, and no news. 0: it doesn't matter.",
                0,
                high=1000,
            ),
            "days": _number("The span.", 14, low=0.001, high=36_500),
            "renew_days": _number(
                "intent: a habit has an alert at most once in so long.", 60, low=0.001, high=36_500
            ),
            "cool_days": {
                "type": "number",
                "minimum": 0,
                "maximum": 3650,
                "description": (
                    "After an alert of the flag, for so long it raises no other. Left out: 35;"
                    " open: 7; intent, churned: 0."
                ),
            },
            "min_events": _number(
                "absence, drop: fewer events tell nothing; unstarted: so many are a start.", 1
            ),
            "usual_times": _number(
                "open, of invoices: `days`, or so many times the customer's usual delay, whichever"
                " is longer.",
                0,
                high=100,
            ),
            "cap": {
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 100,
                "description": "The score's upper limit.",
            },
            "override": {
                "type": "boolean",
                "default": False,
                "description": "The cap stands without evidence too.",
            },
            "alert": {
                "enum": [*SEVERITIES, None],
                "description": "Severity of its alert; without: no alert.",
            },
            "play": text_schema(
                "What to do about it, in steps; the first sentence is the first step."
            ),
            "of": {
                "type": "array",
                "minItems": 1,
                "items": TEXT,
                "description": (
                    "both: flags declared before it; it takes over the alert of the first."
                ),
            },
            "unless": {
                "$ref": "#/$defs/fact",
                "description": (
                    "answer, low_answer: a fact that says more; told within `days`, it keeps the"
                    " flag from holding."
                ),
            },
            "score": {
                "enum": ["high", "low", None],
                "description": (
                    "disagreement: the score that the money contradicts. Such a flag has no cap,"
                    " and no other flag is made of it."
                ),
            },
            "tier_days": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "description": "waiting: the span by touch tier; `days` for the others.",
                "properties": {
                    tier: {"type": "number", "minimum": 0.001, "maximum": 36_500} for tier in TIERS
                },
            },
            "enabled": {
                "type": "boolean",
                "default": True,
                "description": "false: it never holds, unless a variant enables it.",
            },
        },
    }
