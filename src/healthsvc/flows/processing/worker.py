"""The processing role: reads the log's inputs, folds, decides, flushes. The spine of the service.

One loop owns the memory. It reads (Kafka and the table), folds, and hands a flush to a task of its
own; meanwhile it folds on. At most one flush is in flight. Any error drops the memory, takes the
epochs again and seeks: nothing is retried from memory.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from traceback import format_exception
from typing import Final

import structlog

from healthsvc.core.errors import OwnershipLost
from healthsvc.core.instants import to_us
from healthsvc.flows.processing.faults.poison_records import PoisonRecord, PoisonSearch, pieces
from healthsvc.flows.processing.faults.poison_timers import PoisonTimer, TimerSearch
from healthsvc.flows.processing.faults.postponing import postpone
from healthsvc.flows.processing.faults.quarantine import quarantine
from healthsvc.flows.processing.flush_policy import FlushPolicy
from healthsvc.flows.processing.flusher import Flusher
from healthsvc.flows.processing.leases import Leases
from healthsvc.flows.processing.owned_partition import MemoryLimits, offsets, unflushed
from healthsvc.flows.processing.owner import Owner
from healthsvc.flows.processing.partitions import Partitions
from healthsvc.flows.processing.ports import Chunk, Input, InputFault, InputReading
from healthsvc.flows.processing.read_through import exchange_read_through
from healthsvc.flows.processing.reads import Reads
from healthsvc.flows.processing.state_format import try_to_read
from healthsvc.flows.processing.timer_scheduler import TimerScheduler
from healthsvc.flows.readiness.postponed import PostponedTimers
from healthsvc.flows.readiness.progress import InputProgress
from healthsvc.flows.readiness.steps import Steps
from healthsvc.store.database.engine import AsyncEngine, autocommit_connection
from healthsvc.store.database.outage import is_content
from healthsvc.store.intake.log import FAULTS
from healthsvc.store.processing import customer_homes, heartbeats, states
from healthsvc.store.processing.partitions import Fenced, Ownership
from healthsvc.store.projections import live_projection, publications
from healthsvc.telemetry import (
    FENCED_FLUSHES,
    LogEvent,
)
from healthsvc.wire.scorecards.document import compile_document

STEP: Final = "processing"
TICK_SECONDS: Final = 1.0
READ_SECONDS: Final = 0.5
RECOVERY_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
SEARCH_READ_SECONDS: Final = 0.05
SEARCH_SECONDS: Final = (0.0, 0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.5, 1.0, 2.0, 5.0)
"""The same while a poison record is looked for: it holds up those behind it."""
TRACE_FRAMES: Final = 8
TRACE_CHARACTERS: Final = 4_000
WELL_SECONDS: Final = 2.0
"""So long it has to work without an error to count as recovered: what breaks it at a record does so
sooner."""

log = structlog.get_logger()


class Superseded(OwnershipLost):
    """Another projection has become the live one."""


class Processor:
    """One worker of the live projection. `run` returns when `stop` is set, everything flushed and
    handed over.

    loading, flushing: engines for these alone, by default `engine`. A server process that always
    does the same knows its tables, plans and pages; in a pool with others it is now this one's
    turn, now that one's.
    """

    def __init__(  # noqa: PLR0913  # the composition root gives each part
        self,
        engine: AsyncEngine,
        inputs: Sequence[Input],
        *,
        worker_id: str,
        topic: str,
        now: Callable[[], datetime],
        policy: FlushPolicy | None = None,
        limits: MemoryLimits | None = None,
        loading: AsyncEngine | None = None,
        flushing: AsyncEngine | None = None,
        steps: Steps | None = None,
        progress: InputProgress | None = None,
        postponed: PostponedTimers | None = None,
    ) -> None:
        self._loading, self._flushing_to = loading or engine, flushing or engine
        self._engine, self._inputs, self._worker_id, self._topic, self._now = (
            engine,
            inputs,
            worker_id,
            topic,
            now,
        )
        self._policy, self._limits = policy or FlushPolicy(), limits or MemoryLimits()
        self._steps = steps or Steps()
        self._step = self._steps.register(STEP, TICK_SECONDS)
        self._progress = progress or InputProgress(metrics=False)
        self._failures = 0
        self._ticked = float("-inf")
        self._search = PoisonSearch()
        self._timers = TimerSearch()
        self._postponed = postponed or PostponedTimers()
        self._has_kafka = any(source.name == "kafka" for source in inputs)
        self._in_hand: tuple[str, Sequence[Chunk]] = ("", ())
        self._partitions = Partitions(engine, inputs, archive=self._limits.archive)
        self._assigned: dict[str, set[int]] = {}
        self._reads = Reads(inputs, now)

    async def run(self, stop: asyncio.Event) -> None:
        """Own partitions and process them until `stop`. Raises InputFault when a person is
        needed."""
        policy = self._policy
        try:
            await self._begin(policy)
            while not stop.is_set():
                try:
                    await (self._work_carefully(stop) if self._is_searching else self._work(stop))
                except InputFault:
                    raise
                except Superseded:
                    await self._change_over(stop, policy)
                except Fenced as error:
                    FENCED_FLUSHES.inc()
                    self._step.failed(error)
                    log.warning(LogEvent.FLUSH_FENCED, partitions=sorted(error.partitions))
                    await self._recover(stop)
                except Exception as error:
                    self._step.failed(error)
                    await self._recover_from(error, stop)
            await self._finish()
        finally:
            self._steps.remove(STEP)
            for source in self._inputs:
                self._progress.hold(source.name, (), {})
                await source.close()

    async def _begin(self, policy: FlushPolicy) -> None:
        """Work for the projection that is live now. Raises UnreadableStates."""
        async with self._engine.begin() as conn:
            projection = await live_projection.live(conn)
            some = await states.any_one(conn, projection.id)
            many = await customer_homes.about_how_many(conn)
        self._projection = projection.id
        compiled = compile_document(projection.document)
        try_to_read(compiled.program, some)
        self._leases = Leases(
            self._engine, projection.id, self._worker_id, self._policy.lease_seconds
        )
        self._owner = Owner(
            self._loading,
            projection.id,
            projection.scorecard_version,
            compiled,
            self._leases.owner,
            self._limits,
        )
        self._timer_scheduler = TimerScheduler(self._engine, projection.id, self._owner)
        self._policy = policy.fitting(self._owner.states.capacity)
        self._owner.preallocate(many, self._policy.flush_customers)
        self._flusher = Flusher(
            self._flushing_to,
            self._inputs,
            owner=self._owner,
            timers=self._timer_scheduler,
            policy=self._policy,
            progress=self._progress,
            now=self._now,
            on_flushed=self._note_flushed,
        )

    async def _change_over(self, stop: asyncio.Event, policy: FlushPolicy) -> None:
        """Leave the projection that is live no longer: what isn't flushed is read again, under the
        new one."""
        former = self._leases.owner
        await self._drop_memory()
        while not stop.is_set():
            try:
                async with self._engine.begin() as conn:
                    await heartbeats.forget_worker(conn, former)
                await self._begin(policy)
                await self._own({})  # reads nothing until it has taken partitions of the new one
                break
            except FAULTS as error:
                self._step.failed(error)
                log.warning(LogEvent.LOG_UNREACHABLE, error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(RECOVERY_SECONDS[1])
        self._partitions.forget()
        self._failures, self._ticked = 0, float("-inf")
        log.info(LogEvent.PROJECTION_LIVE, projection=self._projection)

    async def _work(self, stop: asyncio.Event) -> None:
        """Read, fold and flush until something changes the ownership or goes wrong."""
        began = perf_counter()
        try:
            while not stop.is_set():
                if perf_counter() - self._ticked >= TICK_SECONDS:
                    await self._tick()
                    if perf_counter() - began > WELL_SECONDS:
                        self._step.succeeded()
                self._reads.start(self._policy.read_records, READ_SECONDS)
                await self._await_any()
                for read in self._reads.completed():
                    await self._absorb(*read)
                if self._flusher.in_flight is None:
                    await self._timer_scheduler.fire(self._now())
                await self._flusher.flush_if_due()
        finally:
            await self._reads.cancel()

    @property
    def _is_searching(self) -> bool:
        """Whether a search for a poison record or timer is under way."""
        return self._search.active or self._timers.active

    async def _work_carefully(self, stop: asyncio.Event) -> None:
        """Process what failed in pieces, each flushed by itself, until the record or timer at fault
        is behind us."""
        while self._is_searching and not stop.is_set():
            if perf_counter() - self._ticked >= TICK_SECONDS:
                await self._tick()
            self._search.keep(offsets(self._owner.owned))
            for source in self._inputs:
                asked_at = self._now()
                reading = await source.read(self._search.limit, SEARCH_READ_SECONDS)
                for piece in pieces(reading.chunks, self._search.limit):
                    self._search.trying(source.name, piece)
                    await self._fold(source, [piece])
                    await self._flusher.flush_all()
                    self._search.passed()
                self._note_read(source, reading, asked_at)
                if reading.drained and not reading.chunks:
                    self._search.nothing_left(source.name, list(self._owner.owned))
            if self._timers.active:
                await self._fire_carefully()
        self._timer_scheduler.forget()  # what was postponed is due next, perhaps

    async def _fire_carefully(self) -> None:
        """Decide some customers whose timers are due, and nothing else."""
        keys = await self._timer_scheduler.due(self._now(), self._timers.limit)
        if not keys:
            self._timers.none_due(self._now())
            return
        self._timers.trying(keys)
        await self._timer_scheduler.bring(keys)
        await self._flusher.flush_all()
        self._timers.passed()

    async def _await_any(self) -> None:
        """Until a read, the flush or the next timer; not longer than a read takes anyway."""
        waiting: set[asyncio.Task[object]] = {*self._reads.tasks}
        if self._flusher.in_flight is not None:
            waiting.add(self._flusher.in_flight)
        timeout = READ_SECONDS
        if self._flusher.in_flight is None and self._timer_scheduler.are_due():
            timeout = 0.0
        else:
            timeout = min(timeout, self._timer_scheduler.seconds_until(self._now()))
        if self._flusher.in_flight is None:
            timeout = min(timeout, self._flusher.seconds_left())
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def _absorb(self, source: Input, reading: InputReading, asked_at: datetime) -> None:
        await self._fold(source, reading.chunks)
        self._note_read(source, reading, asked_at)

    async def _fold(self, source: Input, chunks_read: Sequence[Chunk]) -> None:
        chunks = [c for c in chunks_read if c.partition in self._owner.owned]
        if not chunks:
            return
        topic = self._topic if source.name == "kafka" else ""
        self._in_hand = (source.name, chunks)
        await self._owner.fold(source.name, topic, chunks, self._now())
        self._in_hand = ("", ())

    def _note_read(self, source: Input, reading: InputReading, asked_at: datetime) -> None:
        owned = self._owner.owned
        through = {p: to_us(at) for p, at in reading.read_through.items()}
        if (
            reading.drained and source.name == "table"
        ):  # it looked after we asked; Kafka's "drained" may be a moment old
            through = dict.fromkeys(owned, to_us(asked_at))
        self._owner.read_through(source.name, through, self._assigned)
        self._flusher.note(source, reading)

    async def _tick(self) -> None:
        """Renew the leases, and take up or hand over partitions. Raises Fenced when some were taken
        from us."""
        self._ticked = perf_counter()
        async with autocommit_connection(self._engine) as conn:
            if not await publications.is_live(conn, self._projection):
                raise Superseded
        await self._partitions.find(self._leases, self._now())
        changes = await self._leases.tick()
        await exchange_read_through(
            self._engine, self._leases, self._owner, has_kafka=self._has_kafka
        )
        if changes.lost:
            raise Fenced(changes.lost)
        if not changes.acquired and not changes.surplus:
            return
        async for read in self._reads.settled():  # assignments change between reads only
            await self._absorb(*read)
        if changes.surplus:
            await self._flusher.flush_all()
            self._owner.forget(sorted(changes.surplus))
            await self._leases.release(changes.surplus)
            log.info(LogEvent.PARTITION_GIVEN_UP, partitions=sorted(changes.surplus))
        await self._own(changes.acquired)

    async def _own(self, acquired: Mapping[int, Ownership]) -> None:
        await self._owner.take(acquired, self._now())
        owned = self._owner.owned
        for source in self._inputs:
            kafka = source.name == "kafka"
            starts = {p: o.kafka_offset if kafka else o.table_offset for p, o in acquired.items()}
            self._progress.hold(source.name, owned.keys(), starts)
            await source.assign(
                {p: h.kafka_offset if kafka else h.table_offset for p, h in owned.items()}
            )
            self._assigned[source.name] = set(
                owned
            )  # those that the topic lacks, too: it says so when it can be asked
        self._timer_scheduler.forget()
        if acquired:
            log.info(LogEvent.PARTITION_TAKEN, partitions=sorted(acquired), held=sorted(owned))

    async def _recover_from(self, error: Exception, stop: asyncio.Event) -> None:
        """After an outage go on as before; after anything else, search for the record at fault."""
        if isinstance(error, FAULTS) and not is_content(error):
            log.warning(LogEvent.FLUSH_FAILED, error=f"{type(error).__name__}: {error}")
            await self._recover(stop)
            return
        # As plain text: rendering the locals of these frames would hold everything up for seconds.
        trace = "".join(format_exception(error, limit=-TRACE_FRAMES))[-TRACE_CHARACTERS:]
        log.error(LogEvent.RECORDS_REJECTED, error=f"{type(error).__name__}: {error}", trace=trace)
        poison: PoisonRecord | PoisonTimer | None = None
        if self._timers.is_trying:
            poison = self._timers.failed(error)
        else:
            if not self._timers.active:
                self._timers.begin(self._timer_scheduler.in_hand, self._now())
            if self._search.active:
                poison = self._search.failed(error)
            else:
                self._search.begin(*self._read_since_the_flush())
        await self._recover(stop, poison)

    def _read_since_the_flush(self) -> tuple[dict[tuple[str, int], int], int]:
        """Up to where inputs were read that may not be flushed, and how many records that may
        be."""
        read_through = unflushed(self._owner.owned)
        source, chunks = self._in_hand
        for chunk in chunks:
            place = (source, chunk.partition)
            read_through[place] = max(chunk.next, read_through.get(place, chunk.next))
        self._in_hand = ("", ())
        in_hand = sum(map(len, chunks))
        return read_through, self._flusher.records + in_hand

    async def _recover(
        self, stop: asyncio.Event, poison: PoisonRecord | PoisonTimer | None = None
    ) -> None:
        """Drop the memory, take the epochs again and seek; as often as it takes. `poison` is set
        aside meanwhile."""
        await self._drop_memory()
        self._ticked = float(
            "-inf"
        )  # looks at once whether we are fenced because another projection is live
        waits = SEARCH_SECONDS if self._is_searching else RECOVERY_SECONDS
        while not stop.is_set():
            try:
                await asyncio.sleep(waits[min(self._failures, len(waits) - 1)])
                self._failures += 1
                self._owner.forget_everything()
                acquired = await self._leases.reclaim(list(self._leases.owned))
                if poison is not None:
                    acquired = await self._set_aside(poison, acquired)
                    poison, self._failures = None, 0
                await self._own(acquired)
                return
            except Exception as error:  # here nothing is done with records
                self._step.failed(error)
                log.warning(LogEvent.LOG_UNREACHABLE, error=f"{type(error).__name__}: {error}")

    async def _set_aside(
        self, poison: PoisonRecord | PoisonTimer, owned: dict[int, Ownership]
    ) -> dict[int, Ownership]:
        """Quarantine the record, or postpone the timer; answers what is owned afterwards."""
        if isinstance(poison, PoisonTimer):
            delay = self._timers.delay(poison.customer_key)
            await postpone(self._engine, self._leases, poison, self._postponed, delay, self._now())
            return owned
        return await quarantine(
            self._engine,
            self._projection,
            self._leases.owner,
            owned,
            poison,
            self._topic,
            self._now(),
        )

    async def _drop_memory(self) -> None:
        await self._flusher.drop()
        self._owner.forget_everything()

    def _note_flushed(self) -> None:
        if self._timers.has_postponed:
            self._postponed.recovered(self._timers.decided(self._owner.keys_in_flight()))
        self._failures = 0

    async def _finish(self) -> None:
        """Flush what is folded and hand the partitions over; a failure leaves them to their leases'
        end."""
        try:
            await self._flusher.flush_all()
            await self._leases.stop()
        except Exception as error:
            log.warning(LogEvent.FLUSH_FAILED, error=f"{type(error).__name__}: {error}")
