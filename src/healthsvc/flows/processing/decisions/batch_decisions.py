"""One call of `decide`: the rows that were decided, and what the core answered."""

from dataclasses import dataclass

from healthsvc.core.arrays import Instants, Rows
from healthsvc.core.decisions.decide import Decisions
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.folding.states import States
from healthsvc.core.scoring.evaluate import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDecisions:
    """Rows of the states, their decisions, and the decision states before; (n,) each."""

    states: States
    projection: int
    version: int
    rows: Rows
    evaluation: Evaluation
    decisions: Decisions
    before: DecisionStates
    logged_us: Instants
    """When the newest event behind each entered the log, 0 for none (time alone)."""
