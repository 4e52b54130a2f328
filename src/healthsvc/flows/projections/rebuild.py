"""Building a second projection beside the live one, and making it live: publishing a scorecard, and
rebuilding.

A shadow is one that isn't made live until it is asked for.

The archive holds the events that were counted, once each, numbered in the order in which they were
folded. So a builder needs neither the log nor any dedupe: it folds the archive, follows the live
projection until little is missing, decides every customer quietly, and takes over in one
transaction that holds the live partitions locked.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Final, Protocol

import numpy as np
import structlog

from healthsvc.core.arrays import Instants, Rows
from healthsvc.core.decisions import cutover
from healthsvc.core.errors import Conflict, OwnershipLost
from healthsvc.core.folding import decision_state
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.folding.states import States
from healthsvc.core.folding.ties import tie_breakers
from healthsvc.core.instants import to_us
from healthsvc.flows.processing.decisions.decision_writer import Decider
from healthsvc.flows.processing.decode import decode
from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.processing.packing import packed
from healthsvc.flows.processing.state_cache import StateCache
from healthsvc.flows.projections.reference import Sample
from healthsvc.store.database.copying import Block
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.processing import partitions, states, timers
from healthsvc.store.processing.decisions import write_standings
from healthsvc.store.processing.partitions import Move, Ownership
from healthsvc.store.projections import (
    archive_fold,
    building,
    publications,
    scorecards,
    shadows,
    switching,
)
from healthsvc.store.projections.archive_fold import Counted
from healthsvc.store.projections.building import Reached
from healthsvc.store.projections.publications import Building
from healthsvc.telemetry import LogEvent
from healthsvc.wire.scorecards.document import compile_document

CHUNK: Final = 2_000
"""Events or customers of one step; small, since the live folding may share our thread."""
AT_SWITCH: Final = 2_000
"""Events that may be missing when the live partitions are locked: they are folded while everybody
waits."""
LEASE_SECONDS: Final = 10.0
FOREVER_US: Final = 1 << 62
BESIDE_SECONDS: Final = 0.5
"""A shadow looks so often for what is new."""
TAKEN_ANEW: Final = timedelta(hours=1)
"""A shadow's offsets keep the log from being trimmed no longer than that."""
REST_SHARE: Final = 0.5
"""Rest of so much of each step's time, so that the live folding keeps its pace."""

log = structlog.get_logger()


class CannotBuild(Conflict):
    """The projection can't be built from the archive; the message says why, and what helps."""


class UnreadableArchive(CannotBuild):
    """An archived event isn't understood any more."""

    def __init__(self, partition: int, sequence: int, detail: str) -> None:
        super().__init__(
            f"Event {sequence:,} of partition {partition} in the archive can't be read: {detail}"
        )


class IncompleteArchive(CannotBuild):
    """The archive doesn't have every event that was counted, so the live state can't be built from
    it."""

    def __init__(self, partition: int, expected: int, present: int | None) -> None:
        self.partition, self.expected, self.found = partition, expected, present
        instead = "nothing more" if present is None else f"only event {present:,} and later"
        super().__init__(
            f"The archive lacks events that were counted: partition {partition} should go on with"
            f" event {expected:,} and has {instead}. The archive was off, or its retention dropped"
            " those days. Publish with gaps, and the new version knows only what the archive still"
            " has."
        )


class Overtaken(OwnershipLost):
    """Another builder has taken over, or the building was cancelled."""


class Stop(Protocol):
    """Whether to stop soon."""

    def is_set(self) -> bool: ...


def _nothing() -> None:
    """Take no note of the progress."""


class Builder:
    """Builds one projection, in one process, from wherever a former builder left it. After any
    error make a new one."""

    def __init__(
        self,
        engine: AsyncEngine,
        building: Building,
        *,
        builder: str,
        limits: MemoryLimits,
        now: Callable[[], datetime],
        chunk: int = CHUNK,
        progressed: Callable[[], None] = _nothing,
    ) -> None:
        self._progressed = progressed
        self._engine, self._building, self._limits, self._now, self._chunk = (
            engine,
            building,
            limits,
            now,
            chunk,
        )
        self._builder = builder
        self._owner = f"{building.id}/{builder}"
        compiled, old = (
            compile_document(building.document),
            compile_document(building.live_document),
        )
        self._card, self._old_card = compiled.scorecard, old.scorecard
        self._same = building.document == building.live_document
        capacity = limits.customers(States.row_bytes(compiled.program))
        self._states = States(compiled.program, capacity)
        self._owned: dict[int, Ownership] = {}
        self._applied: dict[int, int] = {}
        self._state_cache = StateCache(engine, building.id, self._states, self._owned)
        self._decider = Decider(self._states, building.id, building.version)
        self._stamp = 0
        self._fresh: list[Rows] = []  # touched by the transaction under way
        self._deciding = False
        self._is_shadow = building.reason == "shadow"
        self._taken_at = now()
        self._indexed_on: date | None = None

    async def build(self, stop: Stop) -> bool:
        """Build and switch; False if it is another's, or `stop` came first: what is folded stays
        folded.

        Raises CannotBuild (the building is given up), Overtaken, and the database's errors.
        """
        if not await self._claim():
            return False
        await self._take()
        log.info(
            LogEvent.PROJECTION_BUILDING,
            projection=self._building.id,
            version=self._building.version,
        )
        try:
            switched = await self._build(stop)
        except CannotBuild as error:
            async with self._engine.begin() as conn:
                await publications.give_up(
                    conn, self._building.id, str(error), builder=self._builder
                )
            await archive_fold.drop_indexes(self._engine)
            log.warning(LogEvent.PROJECTION_GIVEN_UP, projection=self._building.id, why=str(error))
            raise
        if switched:
            await archive_fold.drop_indexes(self._engine)
            log.info(
                LogEvent.PROJECTION_LIVE,
                projection=self._building.id,
                version=self._building.version,
            )
        else:
            async with self._engine.begin() as conn:
                await building.leave(conn, self._building.id, self._builder)
        return switched

    async def _build(self, stop: Stop) -> bool:
        """
        1. Index the archive by fold order.
        2. Fold it up to where the live projection is by now.
        3. If customers are placed among others: freeze where all of them stand, once for the
           version.
        4. Decide all customers quietly, and from here on whomever an event touches.
           A shadow stays so, keeping up, until it is asked to take over; then all are decided anew.
        5. Follow until little is missing, then lock, fold the rest, and switch.
        """
        await self._index()
        for phase in (self._fold_archive, self._freeze_reference, self._decide_all, self._shadow):
            if not await phase(stop):
                return False
        await self._enter("switching")
        while await self._follow(stop):
            if await self._switch():
                return True
        return False

    async def _index(self) -> None:
        await self._enter("indexing")
        if not self._building.with_gaps:
            await self._look_for_gaps()
        await self._index_new_days()

    async def _fold_archive(self, stop: Stop) -> bool:
        await self._enter("folding")
        return await self._follow(stop)

    async def _freeze_reference(self, stop: Stop) -> bool:
        """Freeze where all customers stand, if the version judges by it and nobody has frozen it
        yet."""
        if not (self._building.fresh and self._card.wants_reference):
            return True
        await self._enter("freezing")
        return await self._freeze(stop)

    async def _decide_all(self, stop: Stop) -> bool:
        await self._enter("deciding")
        self._deciding = True
        return await self._decide_everybody(stop)

    async def _shadow(self, stop: Stop) -> bool:
        """Stay beside the live projection while the building is a shadow; then decide all customers
        anew."""
        if not self._is_shadow:
            return True
        if not await self._keep_up_as_shadow(stop):
            return False
        self._is_shadow = False
        return await self._decide_all(stop)

    async def _keep_up_as_shadow(self, stop: Stop) -> bool:
        """Keep up with the live projection until it is asked to take over; False if `stop` came
        first."""
        await self._enter("beside")
        while await self._follow(stop):
            self._fresh = []
            async with self._engine.begin() as conn:
                reached = await building.reached(conn, self._building.live)
                for partition in self._behind(reached):
                    await self._advance(conn, partition, reached)
                await self._decide_overtaken(conn, reached)
                self._progressed()
                await shadows.mark(conn, self._building.id, self._building.live, self._now())
                current = await publications.building(conn)
            if current is None or current.id != self._building.id:
                raise Overtaken
            if current.reason != "shadow":
                return True
            if self._now() - self._taken_at > TAKEN_ANEW:
                await self._take()
            await asyncio.sleep(BESIDE_SECONDS)
        return False

    async def _take(self) -> None:
        """Own all partitions anew, at the live projection's offsets."""
        async with self._engine.begin() as conn:
            self._owned.update(await building.take(conn, self._building.id, self._owner))
        self._applied = {p: o.applied for p, o in self._owned.items()}
        self._taken_at = self._now()

    async def _claim(self) -> bool:
        self._progressed()
        async with self._engine.begin() as conn:
            return await building.claim(conn, self._building.id, self._builder, LEASE_SECONDS)

    async def _enter(self, phase: str) -> None:
        async with self._engine.begin() as conn:
            await building.enter(conn, self._building.id, phase)

    async def _look_for_gaps(self) -> None:
        """Find at once that the archive's beginning is gone; gaps within it are found when they are
        met."""
        if any(self._applied.values()):
            return
        async with self._engine.connect() as conn:
            oldest = await archive_fold.oldest(conn)
            live = await building.reached(conn, self._building.live)
        for partition, reached in sorted(live.items()):
            if reached.applied and oldest.get(partition, -1) != 0:
                raise IncompleteArchive(partition, 0, oldest.get(partition))

    # Folding
    # ----------------------------------------------------------------------------------------------

    async def _follow(self, stop: Stop) -> bool:
        """Fold until so little is missing that the switch can fold the rest; False if `stop` came
        first."""
        while not stop.is_set():
            if not await self._claim():
                raise Overtaken
            await self._index_new_days()
            async with self._engine.begin() as conn:
                reached = await building.reached(conn, self._building.live)
                if reached.keys() - self._owned.keys():  # the log has grown partitions
                    self._owned.update(await building.take(conn, self._building.id, self._owner))
                    self._applied = {p: o.applied for p, o in self._owned.items()}
            behind = self._behind(reached)
            if sum(behind.values()) <= AT_SWITCH:
                return True
            for partition in behind:
                began = perf_counter()
                self._fresh = []
                async with self._engine.begin() as conn:
                    await self._advance(conn, partition, reached)
                self._progressed()
                await asyncio.sleep((perf_counter() - began) * REST_SHARE)
        return False

    async def _index_new_days(self) -> None:
        """Once for each day on which we build: the archive gets its days' tables ahead of time."""
        today = self._now().astimezone(UTC).date()
        if today != self._indexed_on:
            await archive_fold.index_days(self._engine)
            self._indexed_on = today

    def _behind(self, reached: dict[int, Reached]) -> dict[int, int]:
        return {
            p: r.applied - self._applied[p]
            for p, r in reached.items()
            if r.applied > self._applied[p]
        }

    async def _advance(
        self, conn: AsyncConnection, partition: int, reached: dict[int, Reached]
    ) -> None:
        """Fold the next events of a partition; states, decisions and place in one transaction."""
        first, below = self._applied[partition], reached[partition].applied
        events = await archive_fold.page(conn, partition, first, below, self._chunk)
        following = self._following(partition, events, below)
        ownership = self._owned[partition]
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
            if self._deciding:
                await self._decide(conn, rows, reached)
            await self._write(conn, rows)
        self._applied[partition] = following

    def _following(self, partition: int, events: Sequence[Counted], below: int) -> int:
        """The place after these events. Raises IncompleteArchive where one is missing, unless gaps
        are accepted."""
        expected = self._applied[partition]
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
        batch = decode(self._states.program, [e.event.encode() for e in events], None, FOREVER_US)
        for reject in batch.rejects:
            raise UnreadableArchive(partition, events[reject.index].sequence, reject.reason)
        ids = batch.customer_ids
        rows = self._states.rows(ids)
        if (rows < 0).any():
            await self._state_cache.bring(
                ids, rows, np.full(len(ids), partition), self._folded_rows()
            )
            rows = self._states.rows(ids)
        ties = tie_breakers(batch.digests)
        self._states.fold(rows, batch.extract, batch.occurred_us, ties)
        return self._touch(np.unique(rows))

    def _touch(self, rows: Rows) -> Rows:
        """The rows in the tables' order; they stay in memory until the transaction ends."""
        self._stamp += 1
        self._states.touched_at[rows] = self._stamp
        self._fresh.append(rows)
        ordered: Rows = rows[np.argsort(self._states.key[rows])]
        return ordered

    def _folded_rows(self) -> Rows:
        return np.concatenate([*self._fresh, np.zeros(0, np.int64)])

    async def _write(self, conn: AsyncConnection, rows: Rows) -> None:
        stored = self._states.in_database[rows]
        fresh = packed(self._states, self._building.id, rows[~stored], fresh=True)
        await states.write(
            conn, fresh, packed(self._states, self._building.id, rows[stored], fresh=False)
        )
        self._states.in_database[rows] = True
        self._states.profile_changed.difference_update(rows.tolist())

    # Freezing
    # ----------------------------------------------------------------------------------------------

    async def _fold_what_there_is(self) -> None:
        """Fold the little that is left to the switch otherwise: a small archive is nothing but
        that."""
        async with self._engine.begin() as conn:
            reached = await building.reached(conn, self._building.live)
        for partition in self._behind(reached):
            while self._applied[partition] < reached[partition].applied:
                self._fresh = []
                async with self._engine.begin() as conn:
                    await self._advance(conn, partition, reached)

    async def _freeze(self, stop: Stop) -> bool:
        """Make the version's reference of all customers, and judge by it from here on; False if
        `stop` came first."""
        await self._fold_what_there_is()
        sample, after = Sample(self._card, self._now()), -1
        while not stop.is_set():
            if not await self._claim():
                raise Overtaken
            began = perf_counter()
            async with self._engine.connect() as conn:
                keys = await building.customers(conn, self._building.id, after, self._chunk)
            if keys:
                sample.add(
                    self._states, await self._state_cache.bring_keys(keys, np.zeros(0, np.int64))
                )
            if len(keys) < self._chunk:
                break
            after = keys[-1]
            await asyncio.sleep((perf_counter() - began) * REST_SHARE)
        else:
            return False
        async with self._engine.begin() as conn:
            frozen = await scorecards.freeze(
                conn, self._building.version, sample.frozen(self._building.document)
            )
        compiled = compile_document(frozen)
        self._card, self._states.program = compiled.scorecard, compiled.program
        return True

    # Deciding
    # ----------------------------------------------------------------------------------------------

    async def _decide_everybody(self, stop: Stop) -> bool:
        after = -1
        while not stop.is_set():
            if not await self._claim():
                raise Overtaken
            began = perf_counter()
            async with self._engine.begin() as conn:
                reached = await building.reached(conn, self._building.live)
                keys = await building.customers(conn, self._building.id, after, self._chunk)
                self._fresh = []
                await self._decide_keys(conn, keys, reached)
            if len(keys) < self._chunk:
                return True
            after = keys[-1]
            await asyncio.sleep((perf_counter() - began) * REST_SHARE)
        return False

    async def _decide_keys(
        self, conn: AsyncConnection, keys: Sequence[int], reached: dict[int, Reached]
    ) -> None:
        if keys:
            rows = self._touch(await self._state_cache.bring_keys(keys, self._folded_rows()))
            await self._decide(conn, rows, reached)
            await self._write(conn, rows)

    async def _decide_overtaken(self, conn: AsyncConnection, reached: dict[int, Reached]) -> None:
        """Those whose timer has come, and whom the live projection has told already."""
        as_of = {p: r.read_through_at for p, r in reached.items() if r.read_through_at is not None}
        most = self._states.capacity // 4
        keys = await building.overtaken(conn, self._building.id, self._building.live, as_of, most)
        await self._decide_keys(conn, sorted(keys), reached)

    async def _decide(self, conn: AsyncConnection, rows: Rows, reached: dict[int, Reached]) -> None:
        """Decide quietly: memory, standings and timers; no history, no alerts, no messages.

        Customers that the live projection hasn't decided yet (they wait for the end of an import)
        go on waiting.
        """
        remembered = await self._remembered(conn, rows)
        waiting = remembered.decided_us == 0
        self._states.decisions.put(rows[waiting], remembered.take(waiting))
        await timers.write(conn, self._waits(rows[waiting]))
        rows, remembered = rows[~waiting], remembered.take(~waiting)
        if not len(rows):
            return
        through_us = self._through_us(reached)[self._states.partition[rows]]
        as_of = cutover.decided_as_of(remembered, through_us, same_document=self._same)
        own = self._states.decisions.take(rows)
        continued = self._is_shadow & (own.decided_us > 0)  # a shadow goes on by its own decisions
        carried = cutover.carry_over(remembered, same_document=self._same)
        self._states.decisions.put(
            rows, decision_state.select(continued, cutover.continue_shadow(own), carried)
        )
        decision_rows = self._decider.decide(rows, as_of, np.zeros(len(rows), np.int64))
        after = self._states.decisions.take(rows[~continued])
        cutover.keep_since(self._old_card, self._card, remembered.take(~continued), after)
        self._states.decisions.put(rows[~continued], after)
        await write_standings(conn, decision_rows.standings, decision_rows.moves)
        await timers.delete(conn, self._building.id, self._states.key[rows].tolist())
        await timers.write(conn, decision_rows.timers)

    async def _remembered(self, conn: AsyncConnection, rows: Rows) -> DecisionStates:
        keys: list[int] = self._states.key[rows].tolist()
        stored = await building.decisions(conn, self._building.live, keys)
        return DecisionStates.of_any_version([stored.get(key, b"") for key in keys])

    def _waits(self, rows: Rows) -> Block:
        """Timers at the instants at which the live projection would look at these."""
        if not len(rows):
            return []
        due = self._states.decisions.due[rows]
        due = np.where(np.isfinite(due), due, float(to_us(self._now())))
        self._states.decisions.due[rows] = due
        return timers.rows(
            self._building.id,
            self._states.key[rows],
            self._states.partition[rows],
            due.astype(np.int64),
        )

    def _through_us(self, reached: dict[int, Reached]) -> Instants:
        """By partition: up to when everything logged has been read; now where that is unknown."""
        now_us = to_us(self._now())
        through = np.full(max(reached, default=0) + 1, now_us, np.int64)
        for partition, r in reached.items():
            if r.read_through_at is not None:
                through[partition] = min(to_us(r.read_through_at), now_us)
        return through

    # Switching
    # ----------------------------------------------------------------------------------------------

    async def _switch(self) -> bool:
        """Lock the live partitions, fold what is missing, and take over; False if too much is
        missing by now."""
        self._fresh = []
        async with self._engine.begin() as conn:
            reached = await building.reached(conn, self._building.live, lock=True)
            behind = self._behind(reached)
            if sum(behind.values()) > 2 * AT_SWITCH or reached.keys() - self._owned.keys():
                return False
            for partition in behind:
                while self._applied[partition] < reached[partition].applied:
                    await self._advance(conn, partition, reached)
            await self._decide_overtaken(conn, reached)
            if not await building.claim(conn, self._building.id, self._builder, LEASE_SECONDS):
                raise Overtaken
            await switching.flip(conn, self._building.id, self._building.live)
        return True
