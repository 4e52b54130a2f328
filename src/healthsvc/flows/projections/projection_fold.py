"""The states of a projection under construction: folded from the archive, partition by partition,
by the rules of the live folding."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

from healthsvc.core.arrays import Rows
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.states import States
from healthsvc.core.folding.ties import tie_breakers
from healthsvc.flows.processing.decode import decode
from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.processing.packing import packed
from healthsvc.flows.processing.state_cache import StateCache
from healthsvc.flows.projections.build_faults import IncompleteArchive, UnreadableArchive
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.processing import partitions, states
from healthsvc.store.processing.partitions import Move, Ownership
from healthsvc.store.projections import archive_fold, building
from healthsvc.store.projections.archive_fold import Counted
from healthsvc.store.projections.building import Reached
from healthsvc.store.projections.publications import Building

FOREVER_US: Final = 1 << 62

Decide: TypeAlias = Callable[[AsyncConnection, Rows, dict[int, Reached]], Awaitable[None]]
"""Decides rows in the transaction that folds them."""


class ProjectionFold:
    """Folds the archive into the states of one projection. Call `begin` before each transaction."""

    def __init__(
        self,
        engine: AsyncEngine,
        building: Building,
        program: CompiledScorecard,
        *,
        owner: str,
        limits: MemoryLimits,
        chunk: int,
    ) -> None:
        self._building, self._owner, self._chunk = building, owner, chunk
        self.states = States(program, limits.customers(States.row_bytes(program)))
        self.owned: dict[int, Ownership] = {}
        self.applied: dict[int, int] = {}
        self.state_cache = StateCache(engine, building.id, self.states, self.owned)
        self._stamp = 0
        self._fresh: list[Rows] = []  # touched by the transaction under way

    def begin(self) -> None:
        """Forget which rows the last transaction touched."""
        self._fresh = []

    async def take(self, conn: AsyncConnection) -> None:
        """Own all partitions anew, at the live projection's offsets."""
        self.owned.update(await building.take(conn, self._building.id, self._owner))
        self.applied = {p: o.applied for p, o in self.owned.items()}

    async def bring(self, keys: Sequence[int]) -> Rows:
        """Rows of the customers with these keys; they stay in memory until the transaction ends."""
        return self.touch(await self.state_cache.bring_keys(keys, self._folded_rows()))

    def behind(self, reached: dict[int, Reached]) -> dict[int, int]:
        return {
            p: r.applied - self.applied[p]
            for p, r in reached.items()
            if r.applied > self.applied[p]
        }

    async def advance(
        self,
        conn: AsyncConnection,
        partition: int,
        reached: dict[int, Reached],
        decide: Decide | None = None,
    ) -> None:
        """Fold the next events of a partition; states, decisions and place in one transaction."""
        first, below = self.applied[partition], reached[partition].applied
        events = await archive_fold.page(conn, partition, first, below, self._chunk)
        following = self._following(partition, events, below)
        ownership = self.owned[partition]
        move = Move(
            partition=partition,
            epoch=ownership.epoch,
            table_from=ownership.table_offset,
            table_to=ownership.table_offset,
            kafka_from=ownership.kafka_offset,
            kafka_to=ownership.kafka_offset,
            applied_from=first,
            applied_to=following,
        )
        await partitions.compare_and_set(
            conn, projection=self._building.id, owner=self._owner, moves=[move]
        )
        if events:
            rows = await self._fold(partition, events)
            if decide is not None:
                await decide(conn, rows, reached)
            await self.write(conn, rows)
        self.applied[partition] = following

    def _following(self, partition: int, events: Sequence[Counted], below: int) -> int:
        """The place after these events. Raises IncompleteArchive where one is missing, unless gaps
        are accepted."""
        expected = self.applied[partition]
        if self._building.with_gaps:
            return events[-1].sequence + 1 if len(events) == self._chunk else below
        if not events:
            raise IncompleteArchive(partition, expected, None)
        for event in events:
            if event.sequence != expected:
                raise IncompleteArchive(partition, expected, event.sequence)
            expected += 1
        return expected

    async def _fold(self, partition: int, events: Sequence[Counted]) -> Rows:
        """Fold events as the live projection did; answers the rows they touched, by key."""
        batch = decode(self.states.program, [e.event.encode() for e in events], None, FOREVER_US)
        for reject in batch.rejects:
            raise UnreadableArchive(partition, events[reject.index].sequence, reject.reason)
        ids = batch.customer_ids
        rows = self.states.rows(ids)
        if (rows < 0).any():
            await self.state_cache.bring(
                ids, rows, np.full(len(ids), partition), self._folded_rows()
            )
            rows = self.states.rows(ids)
        ties = tie_breakers(batch.digests)
        self.states.fold(rows, batch.extract, batch.occurred_us, ties)
        return self.touch(np.unique(rows))

    def touch(self, rows: Rows) -> Rows:
        """The rows in the tables' order; they stay in memory until the transaction ends."""
        self._stamp += 1
        self.states.touched_at[rows] = self._stamp
        self._fresh.append(rows)
        ordered: Rows = rows[np.argsort(self.states.key[rows])]
        return ordered

    def _folded_rows(self) -> Rows:
        return np.concatenate([*self._fresh, np.zeros(0, np.int64)])

    async def write(self, conn: AsyncConnection, rows: Rows) -> None:
        stored = self.states.in_database[rows]
        fresh = packed(self.states, self._building.id, rows[~stored], fresh=True)
        await states.write(
            conn, fresh, packed(self.states, self._building.id, rows[stored], fresh=False)
        )
        self.states.in_database[rows] = True
        self.states.summarised(rows)
