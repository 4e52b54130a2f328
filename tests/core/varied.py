"""A scorecard with variants for tests: the default one, and customers of certain places judged
otherwise."""

from typing import Any

import yaml

from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.wire.scorecards.document import Compiled, compile_document, default_document

VARIANTS: list[dict[str, Any]] = [
    {
        "name": "labs",
        "when": {"segment": ["labs"]},
        "dimensions": {"support": 25},
        "measures": {
            "sessions": {"share": 0.9, "judge": {"kind": "segment"}},
            "nps": {"judge": {"half_life_days": 10}},
        },
        "flags": {
            "silent": {"days": 5, "cap": 35},
            "needs_help": {"enabled": False},
            "detractor": {"alert": None},
        },
        "bands": {"healthy": 80, "watch": 60},
        "evidence_events": 2,
        "hysteresis": 1,
        "dwell_days": 3,
    },
    {
        "name": "high touch",
        "when": {"tier": "high", "segment": ["labs", None]},
        "flags": {"silent": {"days": 30}},
    },
    {
        "name": "new",
        "when": {"stage": ["onboarding"]},
        "flags": {"silent": {"days": 7}, "usage_drop": {"enabled": False}},
        "measures": {"feature_extent": {"share": 2}},
    },
]


def varied(variants: list[dict[str, Any]] | None = None) -> Compiled:
    """The default scorecard with variants."""
    document = yaml.safe_load(default_document()) | {
        "variants": VARIANTS if variants is None else variants
    }
    document["reference"] = {
        "measures": {"sessions": {"*": [0.1, 1, 2, 2.01, 2.02, 9], "labs": [0.5, 0.5, 3, 4]}}
    }
    return compile_document(yaml.safe_dump(document, sort_keys=False))


VARIED: CompiledScorecard = varied().program
