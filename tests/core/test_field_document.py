"""docs/insights.md leads to tests that exist, and names measures, facts and flags as the scorecard
does."""

import re
from pathlib import Path

from healthsvc.core.folding.facts import NAMES
from tests.core.folded import CARD

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "insights.md").read_text(encoding="utf-8")
SIGNALS = (ROOT / "tests" / "core" / "test_field_signals.py").read_text(encoding="utf-8")

ALL = "\n".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "core").rglob("test_*.py")
)


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    assert named
    assert {name for name in named if f"def {name}(" not in ALL} == set()
    paths = set(re.findall(r"`(tests/[\w/]+\.py)`", DOCUMENT))
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_every_test_of_a_signal_is_named() -> None:
    told = set(re.findall(r"^def (test_\w+)\(", SIGNALS, re.MULTILINE))
    aside = {"test_the_cap_of_two_flags_together_names_the_last_events_before_the_silence"}
    assert told - aside - set(re.findall(r"`(test_\w+)`", DOCUMENT)) == set()


def test_every_measure_and_flag_of_the_scorecard_is_in_the_tables() -> None:
    words = set(re.findall(r"`(\w+)`", DOCUMENT))
    kept = {m.name for m in CARD.measures} | {f.name for f in CARD.flags if f.kind != "churned"}
    assert kept - words == set()
    assert {"mrr_change", "renewal_at"} <= set(NAMES)
