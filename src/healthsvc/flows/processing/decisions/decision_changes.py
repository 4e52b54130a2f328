"""Changes of score, band, risk and flags that follow from one call of `decide`."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Final

import numpy as np

from healthsvc.core.decisions.changes import BandChange
from healthsvc.flows.processing.decisions.batch_decisions import BatchDecisions
from healthsvc.flows.processing.decisions.decided_batch import DecidedBatch
from healthsvc.flows.processing.decisions.draft_changes import DraftChange
from healthsvc.wire.webhooks import customers as webhooks

SCORE_CHANGED: Final = webhooks.SCORE_CHANGED
BAND_CHANGED: Final = webhooks.BAND_CHANGED
RISK_RAISED: Final = webhooks.RISK_RAISED
RISK_CLEARED: Final = webhooks.RISK_CLEARED
FLAG_RAISED: Final = webhooks.FLAG_RAISED
FLAG_RELEASED: Final = webhooks.FLAG_RELEASED


class DecisionChanges:
    """Drafts the changes of one batch. What imported events made is no change: it is recorded in
    the history alone."""

    def __init__(
        self, batch: BatchDecisions, outcome: DecidedBatch, absent: frozenset[str]
    ) -> None:
        self._batch, self._outcome = batch, outcome
        self._card = batch.states.program.scorecard
        self._absent = sum(1 << f for f, n in enumerate(self._card.flag_names) if n in absent)
        """The flags that say that something didn't happen, as bits."""

    def draft(self) -> list[DraftChange]:
        """The changes, customer by customer: of flags, score, band and risk, in this order."""
        by_row = [*self._flags(), *self._scores(), *self._bands()]
        by_row.sort(key=itemgetter(0))
        return [change for _, change in by_row]

    def _flags(self) -> Iterator[tuple[int, DraftChange]]:
        before, after = self._batch.before.flags, self._batch.decisions.after.flags
        changed = np.flatnonzero((before != after) & ~self._outcome.imported)
        for i in changed.tolist():
            raised, differing = int(after[i]), int(before[i]) ^ int(after[i])
            by_time = not self._batch.logged_us.item(i)
            for flag in range(differing.bit_length()):
                if differing >> flag & 1:
                    is_raised = bool(raised >> flag & 1)
                    by_absence = by_time and is_raised and bool(self._absent >> flag & 1)
                    yield i, self._flag(i, flag, is_raised=is_raised, by_absence=by_absence)

    def _flag(self, i: int, flag: int, *, is_raised: bool, by_absence: bool) -> DraftChange:
        type = FLAG_RAISED if is_raised else FLAG_RELEASED
        data = self._outcome.flag_data(i, flag)
        return DraftChange(self._outcome.customer(i).change(type, data), by_absence=by_absence)

    def _scores(self) -> Iterator[tuple[int, DraftChange]]:
        moved = self._batch.decisions.scores
        for i in moved[~self._outcome.imported[moved]].tolist():
            data = self._outcome.score_data(i)
            yield i, DraftChange(self._outcome.customer(i).change(SCORE_CHANGED, data))

    def _bands(self) -> Iterator[tuple[int, DraftChange]]:
        for change in self._batch.decisions.bands:
            if not self._outcome.imported[change.row]:
                yield from ((change.row, draft) for draft in self._band(change))

    def _band(self, change: BandChange) -> Iterator[DraftChange]:
        i, bands = change.row, self._card.bands
        customer = self._outcome.customer(i)
        before = bands[change.before].name if change.before >= 0 else None
        yield DraftChange(customer.change(BAND_CHANGED, self._outcome.band_data(i, before)))
        if change.before < 0 or change.anew:
            return
        if change.before < change.after:
            data = self._outcome.risk_data(i, before)
            by_absence = not self._batch.logged_us.item(i)
            yield DraftChange(customer.change(RISK_RAISED, data), by_absence=by_absence)
        elif change.after < len(bands) // 2 <= change.before:
            yield DraftChange(customer.change(RISK_CLEARED, self._outcome.risk_data(i, before)))
