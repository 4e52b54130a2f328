"""The change feed of one process: readers that ask at the same time share their queries, and those
that wait share one watch."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal

from healthsvc.api.gathering import Gatherer
from healthsvc.core.changes import position
from healthsvc.core.changes.filter import ChangeFilter
from healthsvc.core.changes.position import Extent, Extents, Place, PositionRange
from healthsvc.core.errors import Busy
from healthsvc.flows.changes import feed
from healthsvc.flows.changes.feed import FeedPage, ReadChange
from healthsvc.store.changes import change_reads
from healthsvc.store.changes.change_log import CHANNEL
from healthsvc.store.database.engine import AsyncEngine, autocommit_connection
from healthsvc.store.database.listen import Listener
from healthsvc.store.database.outage import is_outage
from healthsvc.telemetry import CHANGE_READERS

POLL_SECONDS: Final = 1.0
MOST_READERS: Final = 2_000
"""Requests that wait at the same time."""
MOST_KEPT: Final = 5_000
"""Changes in memory."""
KEPT_SECONDS: Final = 10.0
ReaderKind = Literal["poll", "stream"]


class TooManyReaders(Busy):
    """Too many requests wait for changes already."""

    retry_after = 5.0


class _Spans:
    """Spans that were read lately: what is committed never changes, so whoever is at the same place
    needs no query. Erased customers are forgotten within seconds."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._kept: OrderedDict[tuple[PositionRange, ...], tuple[float, Sequence[ReadChange]]] = (
            OrderedDict()
        )
        self._reading: dict[tuple[PositionRange, ...], asyncio.Task[Sequence[ReadChange]]] = {}
        self._count = 0

    async def read(self, spans: tuple[PositionRange, ...]) -> Sequence[ReadChange]:
        self._forget()
        kept = self._kept.get(spans)
        if kept is not None:
            return kept[1]
        reading = self._reading.get(spans)
        if reading is None:
            reading = self._reading[spans] = asyncio.create_task(self._query(spans))
            reading.add_done_callback(lambda done: self._read(done, spans))
        return await asyncio.shield(reading)

    async def _query(self, spans: Sequence[PositionRange]) -> Sequence[ReadChange]:
        async with autocommit_connection(self._engine) as conn:
            return [ReadChange(row) for row in await change_reads.within(conn, spans)]

    def _read(
        self, done: "asyncio.Task[Sequence[ReadChange]]", spans: tuple[PositionRange, ...]
    ) -> None:
        del self._reading[spans]
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[spans] = asyncio.get_running_loop().time(), done.result()
        self._count += len(done.result())
        self._forget()

    def _forget(self) -> None:
        """Forget what is old, and the oldest of what is too much."""
        oldest = asyncio.get_running_loop().time() - KEPT_SECONDS
        while self._kept:
            spans, (at, changes) = next(iter(self._kept.items()))
            if at > oldest and self._count <= MOST_KEPT:
                return
            del self._kept[spans]
            self._count -= len(changes)


class ChangeFeed:
    """Answers readers of the feed. Use it from one event loop."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        draining: Callable[[], bool],
        listener: Listener | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """listener: wakes those who wait as soon as something is committed; without it they look
        each `poll_seconds`."""
        self._engine, self._listener, self._poll_seconds = engine, listener, poll_seconds
        self.draining = draining
        self._spans = _Spans(engine)
        self._asked: Gatherer[None, Mapping[int, Extent]] = Gatherer(self._read_extents)
        self._extents: Extents = {}
        self._moved = asyncio.Event()
        self._readers = 0
        self._watch: asyncio.Task[None] | None = None

    async def extents(self) -> Extents:
        """What is kept now."""
        return await self._asked.ask(None)

    async def page(self, place: Place | None, which: ChangeFilter, limit: int) -> FeedPage:
        """The next changes from a place on; None: from the oldest ones that are kept. Raises
        CursorExpired, CursorError."""
        extents = await self.extents()
        start = position.beginning(extents) if place is None else place
        return await feed.read(self._spans.read, start, extents, which, limit)

    async def next_page(
        self, place: Place | None, which: ChangeFilter, limit: int, seconds: float
    ) -> FeedPage:
        """The same; while there is nothing, wait for it so long, or until the service drains."""
        until = asyncio.get_running_loop().time() + seconds
        page = await self.page(place, which, limit)
        while not page.changes and not self.draining():
            seconds_left = until - asyncio.get_running_loop().time()
            if seconds_left <= 0:
                break
            if page.has_more or await self._wait(page.place, seconds_left):
                page = await self.page(page.place, which, limit)
        return page

    def check_room(self) -> None:
        """Raises TooManyReaders."""
        if self._readers >= MOST_READERS:
            raise TooManyReaders

    @contextlib.contextmanager
    def reader(self, kind: ReaderKind) -> Iterator[None]:
        """Count a request that waits, for as long as it does."""
        self._readers += 1
        CHANGE_READERS.labels(kind).inc()
        try:
            yield
        finally:
            self._readers -= 1
            CHANGE_READERS.labels(kind).dec()

    async def _wait(self, place: Place, seconds: float) -> bool:
        """Whether something was committed behind the place, within so many seconds or until the
        service drains."""
        until = asyncio.get_running_loop().time() + seconds
        while not self.draining():
            if position.is_behind(place, self._extents):
                return True
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._watch_for_changes(), name="change-feed")
            seconds_left = until - asyncio.get_running_loop().time()
            if seconds_left <= 0:
                return False
            moved = asyncio.ensure_future(self._moved.wait())
            await asyncio.wait({moved}, timeout=min(seconds_left, self._poll_seconds))
            moved.cancel()
        return False

    async def _watch_for_changes(self) -> None:
        """Look for changes as long as anybody waits: one query, however many they are."""
        while self._readers and not self.draining():
            with _outages():
                extents = await self.extents()
                if extents != self._extents:
                    self._extents = extents
                    self._moved.set()
                    self._moved = asyncio.Event()
            await self._notification()

    async def _notification(self) -> None:
        if self._listener is None:
            await asyncio.sleep(self._poll_seconds)
        else:
            await self._listener.wait({CHANNEL}, self._poll_seconds)

    async def _read_extents(self, _: Sequence[None]) -> Mapping[None, Extents]:
        async with autocommit_connection(self._engine) as conn:
            return {None: await change_reads.extents(conn)}


@contextlib.contextmanager
def _outages() -> Iterator[None]:
    """Pass over an outage of the database: those who wait go on waiting."""
    try:
        yield
    except Exception as error:
        if not is_outage(error):
            raise
