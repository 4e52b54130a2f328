"""Cutting a flush: deciding and encoding what is pending, so that it can be written while folding
goes on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Rows
from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US
from healthsvc.core.folding import dedupe, facts
from healthsvc.core.folding.states import States
from healthsvc.core.instants import from_us, to_us
from healthsvc.flows.processing.decisions.decider import Decider
from healthsvc.flows.processing.decisions.decision_rows import DecisionRows
from healthsvc.flows.processing.flush import Flush, Rotated
from healthsvc.flows.processing.owned_partition import MemoryLimits, OwnedPartition, Pending
from healthsvc.flows.processing.packing import packed
from healthsvc.store.processing import dedupe as stored_ids
from healthsvc.store.processing.arena import Arena

DECIDED_AT_ONCE: Final = 10_000
"""Customers; judging takes several times the memory of their states."""


class FlushBuilder:
    """Makes flushes of one worker's memory. `logged_us`: by row, when the newest event not decided
    yet was logged."""

    def __init__(
        self,
        states: States,
        owned: Mapping[int, OwnedPartition],
        logged_us: NDArray[np.int64],
        *,
        projection: int,
        version: int,
        owner: str,
        limits: MemoryLimits,
    ) -> None:
        self._states, self._owned, self._logged_us = states, owned, logged_us
        self._projection, self._owner, self._limits = projection, owner, limits
        self._decider = Decider(states, projection, version)

    def prepare_flush(
        self, pending: Pending, rows: Rows, now: datetime, others_us: int | None
    ) -> Flush:
        """The flush of what is pending; rows: the customers it touches or whose timers fired.

        others_us: up to when all partitions have been read, which bounds what time alone decides;
        None: no bound.
        """
        flush = Flush(
            projection=self._projection,
            owner=self._owner,
            moves=[self._owned[p].move(p) for p in sorted(pending.advanced)],
            archive=pending.archived,
            letters=pending.letters,
            troubles=pending.troubles,
            forwarded=pending.forwarded,
            events=pending.events,
        )
        self._write_ids(flush, pending, now)
        rows = rows[
            np.argsort(self._states.key[rows])
        ]  # the tables' order: neighbours are written together
        if len(rows):
            decided = self._decide(flush, rows, pending.fired_rows(), now, others_us)
            self._encode(flush, rows, decided, pending.arena)
        for partition in pending.advanced:
            partition_state = self._owned[partition]
            partition_state.stored = (
                partition_state.table_offset,
                partition_state.kafka_offset,
                partition_state.applied,
            )
        return flush

    def _decide(
        self, flush: Flush, rows: Rows, fired: Rows, now: datetime, others_us: int | None
    ) -> Rows:
        """Decide the rows that need not wait, each as of what has been read of its partition;
        answers them."""
        as_of = np.zeros(max(self._owned) + 1, np.int64)
        for partition, owned in self._owned.items():
            as_of[partition] = owned.as_of_us or min(owned.seen_us, to_us(now)) or to_us(now)
        now_us = as_of[self._states.partition[rows]]
        if others_us is not None:
            by_time_alone = np.isin(rows, fired) & (self._logged_us[rows] == 0)
            now_us = np.where(by_time_alone, np.minimum(now_us, others_us), now_us)
        old = self._states.facts[rows, facts.LAST_SEEN] < now_us - ALERT_MAX_AGE_US
        parts: list[DecisionRows] = []
        postponed = self._postpone(parts, rows, old, fired, to_us(now))
        ready, as_of_us = rows[~postponed], now_us[~postponed]
        for first in range(0, len(ready), DECIDED_AT_ONCE):
            batch = ready[first : first + DECIDED_AT_ONCE]
            decided = self._decider.decide(
                batch, as_of_us[first : first + DECIDED_AT_ONCE], self._logged_us[batch]
            )
            parts.append(decided)
        self._logged_us[ready] = 0
        flush.decisions = DecisionRows.joined(parts)
        return ready

    def _postpone(
        self,
        parts: list[DecisionRows],
        rows: Rows,
        old: NDArray[np.bool_],
        fired: Rows,
        now_us: int,
    ) -> NDArray[np.bool_]:
        """Which rows wait while history is imported: what it touches of customers that have nothing
        newer, and what it began."""
        homes = self._states.partition[rows]
        imported = old & ~np.isin(rows, fired)
        waiting = imported | (old & (self._states.decisions.decided_us[rows] == 0))
        postponed = np.zeros(len(rows), bool)
        for partition in np.unique(homes[waiting]).tolist():
            owned, here = self._owned[partition], waiting & (homes == partition)
            if (imported & here).any():
                owned.importing(now_us)
            if owned.import_until_us > now_us:
                postponed |= here
                parts.append(self._decider.postpone(rows[here], owned.import_until_us, now_us))
        return postponed

    def _encode(self, flush: Flush, rows: Rows, decided: Rows, arena: Arena) -> None:
        stored = self._states.in_database[rows]
        flush.fresh = packed(
            self._states, self._projection, rows[~stored], fresh=True, keep=arena.keep
        )
        flush.changed = packed(
            self._states, self._projection, rows[stored], fresh=False, keep=arena.keep
        )
        self._states.in_database[rows] = True
        self._states.summarised(decided)  # the others are not in the standings yet

    def _write_ids(self, flush: Flush, pending: Pending, now: datetime) -> None:
        """Ids of the flush, and, where a generation is full or old, its rotation. `sequence` is the
        partition's applied count."""
        for partition, parts in pending.ids.items():
            owned = self._owned[partition]
            hours = np.concatenate([h for h, _ in parts])
            digests = np.concatenate([d for _, d in parts])
            packed = dedupe.pack_recent(hours, digests)
            flush.recent_ids.append(
                stored_ids.RecentIds(
                    partition=partition, sequence=owned.applied, logged_at=now, ids=packed
                )
            )
            if owned.ids.due(to_us(now), self._generation_ids()):
                self._rotate(flush, partition, owned, now)

    def _generation_ids(self) -> int:
        """Two generations take at most half of the budget."""
        return min(
            dedupe.GENERATION_IDS,
            max(1, self._limits.id_bytes(len(self._owned)) // (4 * dedupe.ID_BYTES)),
        )

    def _rotate(self, flush: Flush, partition: int, owned: OwnedPartition, now: datetime) -> None:
        rotation = owned.ids.rotate(owned.applied, to_us(now))
        horizon = now - self._limits.dedupe_window
        owned.ids.forget_before(to_us(horizon))
        if rotation is None:
            return
        newest = from_us(rotation.newest_us)
        buckets = [
            stored_ids.BucketIds(
                partition=partition,
                hour=hour,
                sequence=rotation.sequence,
                logged_at=newest,
                ids=dedupe.pack_bucket(digests),
            )
            for hour, digests in rotation.buckets
        ]
        flush.rotated.append(
            Rotated(
                partition=partition,
                sequence=rotation.sequence,
                buckets=buckets,
                forget_before=horizon,
            )
        )
