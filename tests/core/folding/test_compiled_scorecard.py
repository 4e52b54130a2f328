"""Types and property values that senders make up use no more memory and time than others."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import yaml

from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.wire.scorecards.document import compile_document, default_document

MANY = 12_500


@dataclass
class Custom:
    """An event of the operator's own type."""

    data: dict[str, Any] = field(default_factory=dict)


def program() -> CompiledScorecard:
    document = yaml.safe_load(default_document())
    document["measures"].append(
        {
            "name": "syncs",
            "feeds": [{"type": "warehouse.synced", "where": {"size": ["large"]}, "weight": 3}],
        }
    )
    return compile_document(yaml.safe_dump(document)).program


def signatures(program: CompiledScorecard, types: list[str], data: dict[str, Any]) -> list[int]:
    extract = program.extract(types, [Custom(data) for _ in types])
    return [int(signature) for signature in extract.signatures]


def test_made_up_types_share_a_signature_and_are_forgotten_in_time():
    some = program()
    before = signatures(some, ["made.up", "warehouse.synced"], {"size": "large"})
    met = {
        signature
        for first in range(0, MANY, 500)
        for signature in signatures(some, [f"made.up-{first + n}" for n in range(500)], {})
    }

    assert met == {before[0]}
    assert len(some._codes) < MANY
    assert some.risk is not None
    assert len(some.risk._codes) < MANY
    assert signatures(some, ["made.up", "warehouse.synced"], {"size": "large"}) == before
    _, _, weights = some.contributions(np.array(before[1:], np.int64))
    assert weights.tolist() == [3]


def test_long_values_of_a_property_are_judged_and_not_remembered():
    some = program()
    large = signatures(some, ["warehouse.synced"], {"size": "large"})
    other = signatures(some, ["warehouse.synced"], {"size": "small"})
    long = [signatures(some, ["warehouse.synced"], {"size": "x" * 5000 + str(n)}) for n in range(3)]

    assert long == [other, other, other]
    assert signatures(some, ["warehouse.synced"], {"size": "large"}) == large != other
    assert not [
        value for value in _remembered(some) if isinstance(value, str) and len(value) > 1000
    ]


def _remembered(some: CompiledScorecard) -> list[Any]:
    """The property values that the classifiers remember."""
    memos = [cell.cell_contents for c in some._classifiers.values() for cell in c.__closure__ or ()]
    return [value for memo in memos if isinstance(memo, dict) for value in memo]
