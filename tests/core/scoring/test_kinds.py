"""Flag kinds and judge kinds: a file each, in a registry from which the reader and the schema are
derived."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from healthsvc.core.scorecard.reader import MappingReader, ScorecardError
from healthsvc.core.scoring import flags, judges
from healthsvc.core.scoring.flags.kind import ABOVE, BELOW, BETWEEN, NO_CAP, Condition, Flag
from healthsvc.core.scoring.flags.reading import FIELDS, FlagReader, Vocabulary
from healthsvc.wire.scorecards.schema import scorecard_schema

VOCABULARY = Vocabulary(
    measures=("usage", "contacts"),
    facts=("nps", "nps_at", "tickets_open", "tickets_open_since", "cancelled_at"),
    flags=("first", "second"),
    half_lives_us=(14 * 86_400_000_000,),
)
GOOD: dict[str, dict[str, Any]] = {
    "intent": {"measure": "usage", "release": "contacts"},
    "level": {"measure": "usage", "at": 2},
    "absence": {"measure": "usage"},
    "drop": {"measure": "usage", "at": 0.5},
    "fading": {"measure": "usage", "at": 0.6},
    "unstarted": {"measure": "usage"},
    "low_answer": {"fact": "nps", "at": 0.5},
    "promoter": {"at": 0.5},
    "waiting": {"fact": "tickets_open"},
    "answer": {"fact": "nps", "at": 6},
    "answer_from": {"fact": "nps", "at": 9},
    "loyal": {"at": 60},
    "open": {"fact": "tickets_open"},
    "ahead": {"fact": "cancelled_at"},
    "churned": {},
    "notice": {},
    "contraction": {},
    "returned": {"measure": "usage"},
    "both": {"of": ["first", "second"]},
    "either": {"of": ["first"]},
    "disagreement": {"score": "high"},
}


def entry(kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": "some", "kind": kind, "title": "Some flag", **GOOD[kind], **fields}


@pytest.mark.parametrize("registry", [flags, judges])
def test_every_kind_has_a_file_of_its_name_and_every_file_a_kind(registry):
    files = {path.stem for path in Path(registry.__file__).parent.glob("*.py")} - {
        "__init__",
        "kind",
        "reading",
    }
    assert files == set(registry.KINDS)
    assert all(kind.__module__.rpartition(".")[2] == name for name, kind in registry.KINDS.items())


@pytest.mark.parametrize(("registry", "definition"), [(flags, "flag"), (judges, "judge")])
def test_the_schema_lists_the_kinds_with_their_meanings(registry, definition):
    kind = scorecard_schema()["$defs"][definition]["properties"]["kind"]
    assert kind["enum"] == list(registry.KINDS)
    assert all(
        f"{name}: {known.meaning}" in kind["description"] for name, known in registry.KINDS.items()
    )


@pytest.mark.parametrize("kind", flags.KINDS)
def test_a_good_flag_of_each_kind_is_read(kind):
    cap = None if flags.KINDS[kind].after_score else 30
    rule = flags.read_flag(entry(kind, cap=cap, alert="warning"), "/flags/0", VOCABULARY)
    assert (rule.kind, rule.name, rule.cap, rule.severity) == (kind, "some", cap, "warning")


@pytest.mark.parametrize("field", ["cap", "override"])
def test_a_flag_that_reads_the_score_cannot_cap_it(field):
    with pytest.raises(ScorecardError, match=f"/flags/0/{field}"):
        flags.read_flag(entry("disagreement", **{field: 1}), "/flags/0", VOCABULARY)


@pytest.mark.parametrize(
    "kind", [kind for kind, fields in GOOD.items() if fields and kind not in ("loyal", "promoter")]
)
def test_a_flag_without_what_its_kind_needs_is_refused_at_its_place(kind):
    needed = next(iter(GOOD[kind]))
    faulty = entry(kind)
    del faulty[needed]
    with pytest.raises(ScorecardError) as refused:
        flags.read_flag(faulty, "/flags/0", VOCABULARY)
    assert refused.value.path == f"/flags/0/{needed}"


def test_a_field_of_another_kind_is_ignored_and_one_of_no_kind_refused():
    flags.read_flag(entry("churned", days=3, unless=""), "/flags/0", VOCABULARY)
    with pytest.raises(ScorecardError, match="/flags/0/colour"):
        flags.read_flag(entry("churned", colour="red"), "/flags/0", VOCABULARY)


def test_the_fields_listed_are_those_of_the_schema():
    properties = scorecard_schema()["$defs"]["flag"]["properties"].keys()
    assert properties - {"name", "kind", "title"} == set(FIELDS)
    assert scorecard_schema()["$defs"]["judge"]["properties"].keys() - {"kind"} == set(
        judges.FIELDS
    )


def test_between_the_lines_a_flag_without_a_former_decision_does_not_hold_and_caps_nothing():
    rule = flags.read_flag(entry("churned", cap=20), "/flags/0", VOCABULARY)
    assert isinstance(rule, Flag)
    three = np.zeros(3)
    condition = Condition(np.array([BELOW, BETWEEN, ABOVE]), three, three)
    assert condition.holds.tolist() == [False, False, True]
    assert rule.cap_of(condition).tolist() == [NO_CAP, NO_CAP, 20]


def test_the_kind_named_in_a_message_is_the_one_asked_for():
    reader = FlagReader(MappingReader({"kind": "level", "measure": ""}, "/flags/3"), VOCABULARY)
    with pytest.raises(ScorecardError, match="is needed for a flag of kind 'level'"):
        reader.measure()
