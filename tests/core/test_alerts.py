"""The lifecycle of an alert is one total, closed table, and no state is written anywhere else."""

import ast
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from healthsvc.core.alerts import (
    FIRST_STATES,
    LIFECYCLE,
    RESOLVED,
    STATES,
    STEPS,
    UNRESOLVED,
    AlertState,
    AlertStep,
    after,
    allowing,
    due_at,
    target,
)
from healthsvc.core.severity import Severity

SOURCES = Path(__file__).parents[2] / "src" / "healthsvc"
HOME = Path("core/alerts.py")
REFUSED = {
    "held": {"snooze", "wake", "reopen", "overdue"},
    "open": {"release", "wake", "reopen"},
    "acknowledged": {"release", "wake", "reopen"},
    "snoozed": {"release", "reopen", "overdue"},
    "resolved": set(STEPS) - {"comment", "resolve", "reopen"},
}
TAKEN = ("acknowledged", "snoozed")
"""States of an alert that somebody has."""
OTHER_MEANINGS = {
    ("core/phrases/openings.py", "open"),  # an open question
    ("core/scoring/flags/open.py", "open"),  # the flag kind: something is open
    ("core/scoring/judges/open.py", "open"),  # the judge kind: likewise
    ("store/customers/response_times.py", "resolved"),  # a step of a ticket
    ("store/processing/partition_leases.py", "held"),  # partitions that a worker holds
    ("wire/rest/customers/customer.py", "open"),  # whether the expansion gate is open
    ("wire/rest/customers/overrides.py", "open"),  # overrides of which it is too early to tell
    ("wire/rest/customers/response_times.py", "resolved"),  # a step of a ticket
}


@pytest.mark.parametrize(("state", "step"), list(product(STATES, STEPS)))
def test_every_state_answers_every_step_with_a_state_or_a_refusal(
    state: AlertState, step: AlertStep
) -> None:
    if step in REFUSED[state]:
        assert after(state, step) is None
    else:
        assert after(state, step) in STATES


def test_the_table_knows_no_other_state_and_no_other_step() -> None:
    assert set(LIFECYCLE) == set(STATES) == set(REFUSED)
    assert {step for steps in LIFECYCLE.values() for step in steps} == set(STEPS)


def reached(steps: set[AlertStep]) -> set[AlertState]:
    """The states that these steps lead to, from those that an alert is raised into."""
    states = set(FIRST_STATES)
    while (
        further := {
            s for state in states for step in steps if (s := after(state, step)) is not None
        }
        - states
    ):
        states |= further
    return states


def test_every_state_can_be_reached() -> None:
    assert reached(set(STEPS)) == set(STATES)


def test_a_condition_that_ends_closes_what_nobody_took_and_a_person_closes_everything() -> None:
    for state in UNRESOLVED:
        assert after(state, "resolve") == RESOLVED
        assert after(state, "end") == (state if state in TAKEN else RESOLVED)
    assert set(STATES) - set(UNRESOLVED) == {RESOLVED}


def test_whoever_is_given_an_alert_has_taken_it_on() -> None:
    assert {after(state, "assign") for state in UNRESOLVED} == {"acknowledged"}


@pytest.mark.parametrize(
    ("tier", "severity", "hours"),
    [
        ("high", "warning", 24),
        ("high", "critical", 8),
        ("low", "warning", 72),
        ("tech", "critical", 56),
        (None, "info", 72),
        ("unheard of", "info", 72),
    ],
)
def test_an_alert_is_due_by_touch_tier(tier: str | None, severity: Severity, hours: int) -> None:
    raised = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

    assert due_at(raised, tier, severity) - raised == timedelta(hours=hours)


def test_another_flag_takes_over_what_is_not_done_and_changes_no_state() -> None:
    for step in ("escalate", "ease"):
        assert allowing(step) == UNRESOLVED
        assert all(after(state, step) == state for state in UNRESOLVED)


def test_the_target_of_a_step_that_changes_no_state_is_an_error() -> None:
    assert target("end") == RESOLVED
    with pytest.raises(ValueError, match="0 states"):
        target("escalate")


def bare_states(path: Path) -> set[str]:
    """The states that stand in a module as literals: as whole strings, or quoted in SQL; docstrings
    aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    quoted = re.compile(f"'({'|'.join(STATES)})'")
    return {text for text in texts if text in STATES} | {
        state for text in texts for state in quoted.findall(text)
    }


def test_a_bare_state_stands_nowhere_but_in_the_lifecycle() -> None:
    found = {
        (str(path.relative_to(SOURCES)), state)
        for path in SOURCES.rglob("*.py")
        if path.relative_to(SOURCES) != HOME
        for state in bare_states(path)
    }

    assert found == OTHER_MEANINGS
