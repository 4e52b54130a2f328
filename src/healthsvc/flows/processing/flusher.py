"""Keeps at most one flush in flight: starts it when due, settles it once written."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from time import perf_counter

from healthsvc.core.instants import to_us
from healthsvc.flows.processing.flush import Flush, write
from healthsvc.flows.processing.flush_policy import FlushPolicy, FlushState
from healthsvc.flows.processing.flush_report import report_flush
from healthsvc.flows.processing.owner import Owner
from healthsvc.flows.processing.ports import Input, InputReading
from healthsvc.flows.processing.timer_scheduler import TimerScheduler
from healthsvc.flows.readiness.progress import InputProgress
from healthsvc.store.database.engine import AsyncEngine


class Flusher:
    """Flushes what an owner has pending. `on_flushed` is called for each flush that was committed,
    before the owner forgets which customers it had."""

    def __init__(  # noqa: PLR0913  # the worker's parts, each by name
        self,
        engine: AsyncEngine,
        inputs: Sequence[Input],
        *,
        owner: Owner,
        timers: TimerScheduler,
        policy: FlushPolicy,
        progress: InputProgress,
        now: Callable[[], datetime],
        on_flushed: Callable[[], None],
    ) -> None:
        self._engine, self._inputs, self._owner, self._timers = engine, inputs, owner, timers
        self._progress, self._now, self._on_flushed = progress, now, on_flushed
        self._state = FlushState(policy)
        self._task: asyncio.Task[None] | None = None
        self._records = 0

    @property
    def in_flight(self) -> asyncio.Task[None] | None:
        """The task that writes a flush, until its end is settled."""
        return self._task

    @property
    def records(self) -> int:
        """How many records aren't surely in the database: pending, or in flight."""
        return self._owner.pending.records + self._records

    def seconds_left(self) -> float:
        """How long the oldest pending event may still wait, inf where there is none."""
        return self._state.seconds_left()

    def note(self, source: Input, reading: InputReading) -> None:
        """An input was read: whether it is drained decides how soon to flush."""
        chunks = [c for c in reading.chunks if c.partition in self._owner.owned]
        self._state.note(source.name, replace(reading, chunks=chunks), to_us(self._now()))

    async def flush_if_due(self) -> None:
        """Start a flush that is due; while one is in flight, only once that is over."""
        pending = self._owner.pending
        if self._task is not None:
            if not self._task.done() and not self._state.is_full(pending):
                return
            await self.settle()
        if pending and self._state.is_due(pending):
            await self._start()

    async def flush_all(self) -> None:
        """Write everything that is pending, and wait for it."""
        await self.settle()
        if self._owner.pending:
            await self._start()
            await self.settle()

    async def settle(self) -> None:
        """Wait for the flush in flight. Raises what it raised."""
        if self._task is None:
            return
        task, self._task = self._task, None
        try:
            await task
        except BaseException:
            self._state.failed()
            raise
        self._records = 0
        self._on_flushed()
        self._owner.flushed()
        self._timers.flushed()
        self._state.grow()

    async def drop(self) -> None:
        """Cancel the flush in flight; nothing that was read waits any longer."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._state.flushed()

    async def _start(self) -> None:
        oldest_us = self._owner.pending.oldest_logged_us
        self._records = self._owner.pending.records
        flush = self._owner.flush(self._now())
        self._state.flushed()
        self._timers.expect(flush.decisions.next_due_us)
        self._task = asyncio.create_task(self._write(flush, oldest_us))
        if flush.rotated:
            await self.settle()

    async def _write(self, flush: Flush, oldest_us: int) -> None:
        began = perf_counter()
        committed = False
        self._progress.flush_begun()
        try:
            result = await write(self._engine, flush, self._now())
            committed = True
        finally:
            self._progress.flush_ended(committed=committed)
        seconds = perf_counter() - began
        report_flush(flush, result, seconds=seconds, oldest_us=oldest_us, now=self._now())
        kafka = {m.partition: m.kafka_to for m in flush.moves if m.kafka_to >= 0}
        self._progress.committed("table", {m.partition: m.table_to for m in flush.moves})
        self._progress.committed("kafka", kafka)
        for source in self._inputs:
            if source.name == "kafka" and kafka:
                source.hint(kafka)
