"""The table as an input: one query for all assigned partitions, made when an append is notified and
each second."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import numpy as np
import structlog

from healthsvc.flows.processing.ports import Chunk, InputReading, OffsetOutOfRange, Unreadable
from healthsvc.flows.readiness.progress import InputProgress
from healthsvc.log.table_pages import TablePages
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.listen import Listener
from healthsvc.store.intake import log, log_reader
from healthsvc.store.processing.partitions import log_partitions
from healthsvc.telemetry import LogEvent

POLL_SECONDS = 1.0
AWAY_SECONDS = 0.5  # between tries while the database is away


class TableInput:
    """Reads log_entries of the assigned partitions fairly; while the database is away it gives
    nothing.

    An event is logged when its append commits: `read_through` speaks of those.
    """

    name: Literal["table"] = "table"

    def __init__(
        self, engine: AsyncEngine, listener: Listener, progress: InputProgress | None = None
    ) -> None:
        self._engine = engine
        self._pages = TablePages(engine)
        self._listener = listener
        self._offsets: dict[int, int] = {}
        self._backlog: dict[int, int] = {}
        self._read_through: dict[int, datetime] = {}
        self._targets: dict[
            int, tuple[int, datetime]
        ] = {}  # head not yet reached, and when it was seen
        self._away = False
        self._progress = progress or InputProgress(metrics=False)

    async def partitions(self) -> Sequence[int]:
        try:
            async with self._engine.connect() as conn:
                return await log_partitions(conn)
        except log.FAULTS:
            return []

    async def assign(self, offsets: Mapping[int, int]) -> None:
        for partition in self._offsets.keys() - offsets.keys():
            for memory in (self._backlog, self._read_through, self._targets):
                memory.pop(partition, None)
        self._offsets = {partition: max(offset, 0) for partition, offset in offsets.items()}

    async def read(self, max_records: int, timeout_seconds: float) -> InputReading:
        deadline = time.monotonic() + timeout_seconds
        while True:
            reading = await self._look(max_records)
            remaining = deadline - time.monotonic()
            if reading.chunks or remaining <= 0:
                return reading
            if self._away:
                await asyncio.sleep(min(remaining, AWAY_SECONDS))
            else:
                await self._listener.wait({log.NOTIFY_CHANNEL}, min(remaining, POLL_SECONDS))

    def hint(self, offsets: Mapping[int, int]) -> None:
        """Do nothing: the table itself holds its offsets."""

    async def close(self) -> None:
        await self.assign({})
        await self._pages.close()

    async def _look(self, max_records: int) -> InputReading:
        if not self._offsets:
            return InputReading(chunks=[], read_through={}, drained=True)
        try:
            page = await self._pages.read(self._offsets, self._limits(max_records))
        except log.FAULTS as error:
            self._note_away(error)
            return InputReading(chunks=[], read_through=dict(self._read_through), drained=False)
        if self._away:
            self._away = False
            self._progress.back(self.name)
            structlog.get_logger().info(LogEvent.LOG_UNREACHABLE, input=self.name, over=True)
        log_page = page.reading
        chunks = [
            self._chunk(partition, entries, log_page.heads)
            for partition, entries in log_page.entries.items()
        ]
        chunks += [
            self._chunk_around(partition, lost) for partition, lost in page.unreadable.items()
        ]
        self._note_progress(log_page)
        waiting = sum(self._backlog.values())
        return InputReading(
            chunks=chunks,
            read_through=dict(self._read_through),
            drained=not waiting,
            waiting=waiting,
        )

    def _note_away(self, error: BaseException) -> None:
        self._progress.away(self.name, f"{type(error).__name__}: {error}")
        if not self._away:
            self._away = True
            structlog.get_logger().warning(
                LogEvent.LOG_UNREACHABLE, input=self.name, error=repr(error)
            )

    def _limits(self, max_records: int) -> dict[int, int]:
        """Share the records among those that are known to wait; others get a fair part of their
        own."""
        busy = sum(1 for waiting in self._backlog.values() if waiting)
        share = max(1, max_records // (busy or len(self._offsets)))
        idle = max(1, max_records // len(self._offsets))
        return {
            partition: share if self._backlog.get(partition) else idle
            for partition in self._offsets
        }

    def _chunk(
        self, partition: int, entries: log_reader.LogColumns, heads: Mapping[int, int]
    ) -> Chunk:
        offset = self._offsets[partition]
        if entries.first != offset:
            raise OffsetOutOfRange(
                topic="log_entries",
                partition=partition,
                ours=offset,
                begin=entries.first,
                end=heads[partition],
            )
        following = offset + len(entries.events)
        self._offsets[partition] = following
        return Chunk(
            partition=partition,
            values=[event.encode() for event in entries.events],
            headers=None,
            first=offset,
            next=following,
            positions=None,
            logged_us=np.array(entries.logged_us, dtype=np.int64),
        )

    def _chunk_around(self, partition: int, lost: Unreadable) -> Chunk:
        """Without records: the row is passed."""
        self._offsets[partition] = lost.last + 1
        return Chunk(
            partition=partition,
            values=[],
            headers=None,
            first=lost.first,
            next=lost.last + 1,
            positions=None,
            logged_us=np.empty(0, dtype=np.int64),
            unreadable=[lost],
        )

    def _note_progress(self, log_page: log_reader.LogReading) -> None:
        for partition, head in log_page.heads.items():
            offset = self._offsets[partition]
            if offset > head:
                raise OffsetOutOfRange(
                    topic="log_entries", partition=partition, ours=offset, begin=0, end=head
                )
            if offset == head:
                self._read_through[partition] = log_page.read_at
                self._targets.pop(partition, None)
            else:
                self._approach(partition, offset, head, log_page.read_at)
            self._backlog[partition] = head - offset
        self._progress.ends(self.name, log_page.heads)

    def _approach(self, partition: int, offset: int, head: int, read_at: datetime) -> None:
        """Under load the end is never reached, but the end of a moment ago is."""
        goal, seen_at = self._targets.setdefault(partition, (head, read_at))
        if offset >= goal:
            self._read_through[partition] = seen_at
            self._targets[partition] = (head, read_at)
