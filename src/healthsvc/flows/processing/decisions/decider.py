"""Decides rows of the states, each as of its instant, and makes rows and changes of it."""

import numpy as np

from healthsvc.core.arrays import Instants, Rows
from healthsvc.core.decisions.alert_groups import absence_flags, alert_groups
from healthsvc.core.decisions.decide import Decisions, decide
from healthsvc.core.folding.decision_state import UNLISTED, DecisionStates
from healthsvc.core.folding.states import States
from healthsvc.core.scoring import loyalty
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.view import View
from healthsvc.flows.processing.decisions.batch_decisions import BatchDecisions
from healthsvc.flows.processing.decisions.decision_rows import DecisionRows
from healthsvc.flows.processing.decisions.decision_writer import DecisionWriter, FlagRelations
from healthsvc.store.processing import timers


class Decider:
    """Decides rows of the states and words the outcome; one for each projection in memory."""

    def __init__(
        self, states: States, projection: int, scorecard_version: int, *, announces: bool = True
    ) -> None:
        """announces: False: what is decided is no change for anybody."""
        self._announces = announces
        self._states = states
        self._projection = projection
        self._version = scorecard_version
        card = states.program.scorecard
        self._relations = FlagRelations(absent=absence_flags(card), related=alert_groups(card))

    def decide(self, rows: Rows, now_us: Instants, logged_us: Instants) -> DecisionRows:
        """Decide these rows, each as of its instant, and remember it in the states.

        logged_us: when the newest event behind it entered the log, 0 for none (time alone).
        """
        states = self._states
        view = View(states.program, *states.columns(rows), now_us=now_us, risk=states.risk[rows])
        evaluation = evaluate(view)
        before = states.decisions.take(rows)
        decisions = decide(states.program, evaluation, before)
        self._list_loyalty(view, decisions, before)
        batch = BatchDecisions(
            states=states,
            projection=self._projection,
            version=self._version,
            rows=rows,
            evaluation=evaluation,
            decisions=decisions,
            before=before,
            logged_us=logged_us,
        )
        writer = DecisionWriter(self._relations, view, batch, announces=self._announces)
        states.decisions.put(rows, decisions.after)
        return writer.write()

    def _list_loyalty(self, view: View, decisions: Decisions, before: DecisionStates) -> None:
        """List loyalty where another column is written anyway, since it moves slowly; a churned
        customer has none."""
        listed = decisions.standings.copy()
        listed[decisions.history] = True
        values, anew = loyalty.to_list(view, listed, before.loyalty)
        values = np.where(np.isnan(decisions.after.score_at_churn), values, np.nan)
        decisions.standings[:] |= anew
        decisions.after.loyalty = np.where(decisions.standings, values, before.loyalty)

    def postpone(self, rows: Rows, due_us: int, now_us: int) -> DecisionRows:
        """Leave these rows undecided until `due_us`: history that is being imported is decided
        once, at its end."""
        decision_rows = DecisionRows()
        unlisted = [row for row in rows.tolist() if row in self._states.summary_changed]
        self._states.decisions.listed_score[unlisted] = (
            UNLISTED  # they may be evicted before they are decided
        )
        due = self._states.decisions.due[rows]
        later = rows[(due > due_us) | (due <= now_us)]
        self._states.decisions.due[later] = due_us
        if len(later):
            due_at = np.full(len(later), due_us, np.int64)
            decision_rows.timers = timers.rows(
                self._projection, self._states.key[later], self._states.partition[later], due_at
            )
            decision_rows.next_due_us = due_us
        return decision_rows
