"""Builds a second projection beside the live one, and makes it live: publishing a scorecard, and
rebuilding.

A shadow is one that isn't made live until it is asked for.

The archive holds the events that were counted, once each, numbered in the order in which they were
folded. So a builder needs neither the log nor any dedupe: it folds the archive, follows the live
projection until little is missing, decides every customer quietly, and takes over in one
transaction that holds the live partitions locked.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Final, Protocol

import numpy as np
import structlog

from healthsvc.flows.changes import record
from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.projections.build_faults import CannotBuild, IncompleteArchive, Overtaken
from healthsvc.flows.projections.projection_fold import ProjectionFold
from healthsvc.flows.projections.quiet_decider import QuietDecider
from healthsvc.flows.projections.reference import Sample
from healthsvc.store.changes.change_log import NewChange
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.projections import (
    archive_fold,
    building,
    publications,
    scorecards,
    shadows,
    switching,
)
from healthsvc.store.projections.building import Reached
from healthsvc.store.projections.publications import Building
from healthsvc.telemetry import LogEvent
from healthsvc.wire.scorecards.document import compile_document
from healthsvc.wire.webhooks import scorecards as webhooks

CHUNK: Final = 2_000
"""Events or customers of one step; small, since the live folding may share our thread."""
AT_SWITCH: Final = 2_000
"""Events that may be missing when the live partitions are locked: they are folded while everybody
waits."""
LEASE_SECONDS: Final = 10.0
SHADOW_SECONDS: Final = 0.5
"""A shadow looks so often for what is new."""
TAKEN_ANEW: Final = timedelta(hours=1)
"""A shadow's offsets keep the log from being trimmed no longer than that."""
REST_SHARE: Final = 0.5
"""Rest of so much of each step's time, so that the live folding keeps its pace."""

log = structlog.get_logger()


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
        self._engine, self._building, self._builder = engine, building, builder
        self._now, self._chunk = now, chunk
        new, live = compile_document(building.document), compile_document(building.live_document)
        self._fold = ProjectionFold(
            engine,
            building,
            new.program,
            owner=f"{building.id}/{builder}",
            limits=limits,
            chunk=chunk,
        )
        self._decider = QuietDecider(building, self._fold, (new.scorecard, live.scorecard), now)
        self._deciding = False
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
        """Index, fold, decide, and switch.

        1. Index the archive by fold order.
        2. Fold it up to where the live projection is by now.
        3. If customers are placed among others: freeze where all of them stand, once a version.
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
        if not (self._building.fresh and self._decider.card.wants_reference):
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
        if not self._decider.is_shadow:
            return True
        if not await self._keep_up_as_shadow(stop):
            return False
        self._decider.is_shadow = False
        return await self._decide_all(stop)

    async def _keep_up_as_shadow(self, stop: Stop) -> bool:
        """Keep up with the live projection until it is asked to take over; False if `stop` came
        first."""
        await self._enter("beside")
        while await self._follow(stop):
            self._fold.begin()
            async with self._engine.begin() as conn:
                reached = await building.reached(conn, self._building.live)
                for partition in self._fold.behind(reached):
                    await self._advance(conn, partition, reached)
                await self._decider.decide_overtaken(conn, reached)
                self._progressed()
                await shadows.mark(conn, self._building.id, self._building.live, self._now())
                current = await publications.building(conn)
            if current is None or current.id != self._building.id:
                raise Overtaken
            if current.reason != "shadow":
                return True
            if self._now() - self._taken_at > TAKEN_ANEW:
                await self._take()
            await asyncio.sleep(SHADOW_SECONDS)
        return False

    async def _take(self) -> None:
        """Own all partitions anew, at the live projection's offsets."""
        async with self._engine.begin() as conn:
            await self._fold.take(conn)
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
        if any(self._fold.applied.values()):
            return
        async with self._engine.connect() as conn:
            oldest = await archive_fold.oldest(conn)
            live = await building.reached(conn, self._building.live)
        for partition, reached in sorted(live.items()):
            if reached.applied and oldest.get(partition, -1) != 0:
                raise IncompleteArchive(partition, 0, oldest.get(partition))

    async def _follow(self, stop: Stop) -> bool:
        """Fold until so little is missing that the switch can fold the rest; False if `stop` came
        first."""
        while not stop.is_set():
            if not await self._claim():
                raise Overtaken
            await self._index_new_days()
            async with self._engine.begin() as conn:
                reached = await building.reached(conn, self._building.live)
                if reached.keys() - self._fold.owned.keys():  # the log has grown partitions
                    await self._fold.take(conn)
            behind = self._fold.behind(reached)
            if sum(behind.values()) <= AT_SWITCH:
                return True
            for partition in behind:
                began = perf_counter()
                self._fold.begin()
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

    async def _advance(
        self, conn: AsyncConnection, partition: int, reached: dict[int, Reached]
    ) -> None:
        """Fold the next events of a partition, and decide their customers once all customers have
        been decided."""
        decide = self._decider.decide if self._deciding else None
        await self._fold.advance(conn, partition, reached, decide)

    async def _fold_what_there_is(self) -> None:
        """Fold the little that is left to the switch otherwise: a small archive is nothing but
        that."""
        async with self._engine.begin() as conn:
            reached = await building.reached(conn, self._building.live)
        for partition in self._fold.behind(reached):
            while self._fold.applied[partition] < reached[partition].applied:
                self._fold.begin()
                async with self._engine.begin() as conn:
                    await self._advance(conn, partition, reached)

    async def _freeze(self, stop: Stop) -> bool:
        """Make the version's reference of all customers, and judge by it from here on; False if
        `stop` came first."""
        await self._fold_what_there_is()
        sample, after = Sample(self._decider.card, self._now()), -1
        while not stop.is_set():
            if not await self._claim():
                raise Overtaken
            began = perf_counter()
            async with self._engine.connect() as conn:
                keys = await building.customers(conn, self._building.id, after, self._chunk)
            if keys:
                sample.add(
                    self._fold.states,
                    await self._fold.state_cache.bring_keys(keys, np.zeros(0, np.int64)),
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
        self._decider.card, self._fold.states.program = compiled.scorecard, compiled.program
        return True

    async def _decide_everybody(self, stop: Stop) -> bool:
        after = -1
        while not stop.is_set():
            if not await self._claim():
                raise Overtaken
            began = perf_counter()
            async with self._engine.begin() as conn:
                reached = await building.reached(conn, self._building.live)
                keys = await building.customers(conn, self._building.id, after, self._chunk)
                self._fold.begin()
                await self._decider.decide_keys(conn, keys, reached)
            if len(keys) < self._chunk:
                return True
            after = keys[-1]
            await asyncio.sleep((perf_counter() - began) * REST_SHARE)
        return False

    async def _switch(self) -> bool:
        """Lock the live partitions, fold what is missing, and take over; False if too much is
        missing by now."""
        self._fold.begin()
        async with self._engine.begin() as conn:
            reached = await building.reached(conn, self._building.live, lock=True)
            behind = self._fold.behind(reached)
            if sum(behind.values()) > 2 * AT_SWITCH or reached.keys() - self._fold.owned.keys():
                return False
            for partition in behind:
                while self._fold.applied[partition] < reached[partition].applied:
                    await self._advance(conn, partition, reached)
            await self._decider.decide_overtaken(conn, reached)
            if not await building.claim(conn, self._building.id, self._builder, LEASE_SECONDS):
                raise Overtaken
            await switching.flip(conn, self._building.id, self._building.live)
            if self._building.version != self._building.live_version:
                await record.record(conn, [self._published(self._now())])
        return True

    def _published(self, now: datetime) -> NewChange:
        data = webhooks.PublishedData(
            scorecard_version=self._building.version,
            previous_version=self._building.live_version,
            published_at=now,
        )
        return record.service_change(webhooks.PUBLISHED, now, data)
