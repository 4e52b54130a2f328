"""Rows of the customer summary and of the history, as the core decided them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.decisions.decide import flag_names
from healthsvc.core.folding.contract import recurring_revenue
from healthsvc.core.folding.facts import COLUMN, currency_name
from healthsvc.core.scoring import icp
from healthsvc.core.scoring.lifecycle import stage_name
from healthsvc.flows.processing.decisions.batch_decisions import BatchDecisions
from healthsvc.flows.processing.decisions.decided_batch import DecidedBatch
from healthsvc.store.database.copying import Block
from healthsvc.store.processing import decision_rows

CURRENCY: Final = COLUMN["currency_code"]
RENEWAL: Final = COLUMN["renewal_at"]
VARIANT: Final = "variant"
"""The cause of a decision by another variant of the scorecard: the customer's place has changed."""


class SummaryRows:
    """Encodes the summary and the history of one batch of decisions."""

    def __init__(self, batch: BatchDecisions, outcome: DecidedBatch) -> None:
        self._batch, self._outcome = batch, outcome
        self._states, self._decisions = batch.states, batch.decisions

    def history(self) -> Block:
        """Rows of the decisions that are recorded."""
        at, decisions = self._decisions.history, self._decisions
        if not len(at):
            return []
        logged_us = self._batch.logged_us[at].tolist()
        causes = ["events" if logged else "ageing" for logged in logged_us]
        if decisions.anew.any():
            by_variant = decisions.anew[at].tolist()
            causes = [VARIANT if v else c for v, c in zip(by_variant, causes, strict=True)]
        return decision_rows.history_rows(
            self._batch.projection, self._batch.version, self._decided(at), causes
        )

    def standings(self) -> tuple[Block, Block]:
        """Rows of the summary: of customers whose profile has to be written as well, and of those
        whose profile is listed already."""
        states, changed = self._states, self._decisions.standings
        whole = ~np.isfinite(self._batch.before.listed_score)
        if states.summary_changed:
            is_outdated = map(states.summary_changed.__contains__, self._outcome.row_numbers)
            outdated = np.fromiter(is_outdated, bool, len(self._batch.rows))
            changed, whole = changed | outdated, whole | outdated
        return self._whole(np.flatnonzero(changed & whole)), self._changed_only(
            np.flatnonzero(changed & ~whole)
        )

    def _whole(self, at: NDArray[np.int64]) -> Block:
        if not len(at):
            return []
        states, stages = self._states, self._batch.evaluation.stages.stage
        customers, profiles, ideal = [], [], states.program.relationship.icp
        facts = states.facts[self._batch.rows[at]]
        for row, stage in zip(self._batch.rows[at].tolist(), stages[at].tolist(), strict=True):
            profile = states.profile_values(row) if states.has_profile(row) else {}
            customers.append(states.ids[row])
            labels = tuple(map(profile.get, ("name", "owner", "segment", "tier")))
            fit = icp.fit(profile, ideal).fit if ideal else None
            placed = (*labels, stage_name(stage), profile.get("parent_id") or None)
            profiles.append(decision_rows.SummaryProfile(placed, fit))
        loyalties = self._decisions.after.loyalty[at]
        money = decision_rows.MoneyColumns(
            mrr=recurring_revenue(facts),
            currencies=list(map(currency_name, facts[:, CURRENCY].tolist())),
            renewal_us=facts[:, RENEWAL],
        )
        return decision_rows.standings_rows(
            self._batch.projection, self._decided(at), loyalties, customers, profiles, money
        )

    def _changed_only(self, at: NDArray[np.int64]) -> Block:
        if not len(at):
            return []
        stages = list(map(stage_name, self._batch.evaluation.stages.stage[at].tolist()))
        loyalties = self._decisions.after.loyalty[at]
        return decision_rows.moved_rows(
            self._batch.projection, self._decided(at), loyalties, stages
        )

    def _decided(self, at: NDArray[np.int64]) -> decision_rows.DecidedColumns:
        """What the summary and the history say alike of these."""
        after, rows = self._decisions.after.take(at), self._batch.rows[at]
        flags, names = self._states.program.scorecard.flag_names, self._outcome.band_names
        return decision_rows.DecidedColumns(
            keys=self._states.key[rows],
            partitions=self._states.partition[rows],
            band_since_us=after.band_since,
            decided_us=self._batch.evaluation.now_us[at],
            scores=self._decisions.score[at],
            risks=self._decisions.risk[at],
            bands=[names[band] for band in after.band.astype(np.int64).tolist()],
            flags=[flag_names(flags, mask) for mask in after.flags.tolist()],
        )
