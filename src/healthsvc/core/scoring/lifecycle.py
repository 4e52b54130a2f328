"""The lifecycle stage of customers as of an instant, why, and when time alone may change it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Mask
from healthsvc.core.scorecard.cohort import CHURNED, STAGES, StageRule
from healthsvc.core.scoring.view import View

UNKNOWN: Final = -1
NO_RULE: Final = -1
BY_SENDER: Final = -2
BY_CHURN: Final = -3
LEAST_OWNED: Final = 3.0
"""Functions owned where nobody said how many."""


@dataclass(frozen=True, slots=True)
class Stages:
    """n customers."""

    stage: Instants
    """(n,) index into STAGES, UNKNOWN where no rule holds."""
    rule: Instants
    """(n,) index of the rule that decided; NO_RULE, BY_SENDER, BY_CHURN."""
    change_us: Floats
    """(n,) no later than the next instant at which time alone changes it; inf where only an event
    can."""


@dataclass(frozen=True, slots=True)
class _RuleState:
    holds: Mask
    change_us: Floats | None
    """The next instant at which time alone makes the rule hold or end; None where only an event
    can."""


def stages(view: View, churned: Mask) -> Stages:
    """The stage of each row: churned, else what the sender says, else by the scorecard's first rule
    that holds."""
    rules = view.program.scorecard.lifecycle
    rule, change = np.full(len(view.now_us), NO_RULE), np.full(len(view.now_us), np.inf)
    for i in range(len(rules) - 1, -1, -1):
        state = _KINDS[rules[i].kind](view, rules[i])
        rule[state.holds] = i
        if state.change_us is not None:
            np.minimum(change, state.change_us, out=change)
    stage = np.array([*(STAGES.index(r.stage) for r in rules), UNKNOWN])[rule]
    stage_code = view.fact("stage_code")
    for rows, decided_by, by_sender in (
        (stage_code > 0, BY_SENDER, stage_code - 1.0),
        (churned, BY_CHURN, None),
    ):
        if rows.any():
            rule[rows], change[rows] = decided_by, np.inf
            stage[rows] = CHURNED if by_sender is None else by_sender[rows]
    return Stages(stage=stage, rule=rule, change_us=change)


def stage_name(stage: int) -> str:
    """What a stage is called, `unknown` where no rule holds."""
    return "unknown" if stage == UNKNOWN else STAGES[stage]


CauseBeyondRules = Literal["by_sender", "by_churn", "no_rule"]
_CAUSES: Final[dict[int, CauseBeyondRules]] = {
    BY_SENDER: "by_sender",
    BY_CHURN: "by_churn",
    NO_RULE: "no_rule",
}


def stage_cause(view: View, stages: Stages, row: int) -> StageRule | CauseBeyondRules:
    """The rule that put a row into its stage, or what did in a rule's place."""
    decided_by = int(stages.rule[row])
    return _CAUSES[decided_by] if decided_by < 0 else view.program.scorecard.lifecycle[decided_by]


def sold_us(view: View) -> Floats:
    """When each customer was won: the date of the sale where the profile has it, else when it was
    first seen."""
    sold = view.fact("sold_at")
    return np.where(np.isnan(sold), view.fact("first_seen"), sold)


def _until(ends: Floats, view: View) -> _RuleState:
    """Holds until an instant, from whenever on."""
    holds = view.now_us < ends
    return _RuleState(holds, np.where(holds, ends, np.inf))


def _young(view: View, rule: StageRule) -> _RuleState:
    return _until(sold_us(view) + rule.span_us, view)


def _ahead(view: View, rule: StageRule) -> _RuleState:
    due = view.fact(rule.fact)
    begins = due - rule.span_us
    holds = (view.now_us >= begins) & (view.now_us < due)  # not where the fact is NaN
    return _RuleState(holds, np.where(view.now_us < begins, begins, np.where(holds, due, np.inf)))


def _since_use(view: View, rule: StageRule) -> _RuleState:
    return _until(view.newest(view.program.measures.index(rule.measure)) + rule.span_us, view)


def _at_least(view: View, rule: StageRule) -> _RuleState:
    ends = view.fact(f"{rule.fact}_at") + rule.span_us
    holds = (view.now_us < ends) & (view.fact(rule.fact) >= rule.at)
    return _RuleState(holds, np.where(holds, ends, np.inf))


def _ratio(view: View, rule: StageRule) -> _RuleState:
    part, whole = view.fact(rule.fact), view.fact(rule.to)
    return _RuleState((whole > 0) & (part >= rule.at * whole), None)


def _adopted(view: View, rule: StageRule) -> _RuleState:
    """Of the functions owned, so many were ever used; that never falls back by time."""
    ever = view.functions()
    features_owned = view.fact("features_owned")
    features_owned = np.where(features_owned > 0, features_owned, np.maximum(ever, LEAST_OWNED))
    return _RuleState(ever >= rule.at * features_owned, None)


def _otherwise(view: View, rule: StageRule) -> _RuleState:
    return _RuleState(np.ones(len(view.now_us), bool), None)


_KINDS: Final[dict[str, Callable[[View, StageRule], _RuleState]]] = {
    "young": _young,
    "ahead": _ahead,
    "fed": _since_use,
    "reached": _at_least,
    "ratio": _ratio,
    "adopted": _adopted,
    "otherwise": _otherwise,
}
