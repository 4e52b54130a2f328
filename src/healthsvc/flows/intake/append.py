"""Writing to the table log: callers who wait at the same time share one transaction; a 202 is its
commit."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self, TypeAlias
from zlib import crc32

from healthsvc.core.errors import Busy
from healthsvc.flows.intake.customer_homes import Homes
from healthsvc.flows.readiness.steps import ON_DEMAND, Step
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine, autocommit_connection
from healthsvc.store.database.listen import Listener
from healthsvc.store.intake import log
from healthsvc.store.processing import customer_homes, partitions

STEP = "events.append"
MAX_WAITING_EVENTS = 50_000
MAX_TRANSACTION_EVENTS = 10_000
RETRY_AFTER_SECONDS = 1.0
POLL_SECONDS = 1.0

Entry: TypeAlias = tuple[str, str]  # customer_id, the event as JSON


class Position(NamedTuple):
    """Where an event stands in the log; shown as "partition-position"."""

    partition: int
    position: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.position}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        partition, position = text.split("-")
        if not (
            partition.isascii()
            and partition.isdigit()
            and position.isascii()
            and position.isdigit()
        ):
            raise ValueError(f"not a position: {text!r}")
        return cls(int(partition), int(position))


class Overloaded(Busy):
    """Too many events wait to be written; nothing of this batch was."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many events wait to be written: try again in {retry_after:g} s")


class AppendFailed(Busy):
    """The transaction failed; whether its events are in the log is unknown only if the commit
    itself was lost."""


async def append_within(
    conn: AsyncConnection,
    entries: Sequence[Entry],
    *,
    partitions: int,
    known_homes: Homes | None = None,
) -> list[Position]:
    """Append events to their customers' homes in the caller's transaction; must be the last before
    its commit.

    Unseen customers are claimed for crc32(customer_id) % partitions.
    """
    remembered = known_homes or Homes(0)
    homes: dict[str, int] = {}
    unknown: dict[str, int] = {}
    for customer_id, _ in entries:
        if (home := remembered.get(customer_id)) is not None:
            homes[customer_id] = home
        else:
            unknown[customer_id] = crc32(customer_id.encode()) % partitions
    claimed = await customer_homes.claim(conn, list(unknown.items()))
    homes |= {customer_id: home.partition for customer_id, home in claimed.items()}
    positions = await log.append(
        conn, [(homes[customer_id], event) for customer_id, event in entries]
    )
    return [Position(*position) for position in positions]


@dataclass(slots=True, eq=False)
class _Batch:
    entries: Sequence[Entry]
    appended: "asyncio.Future[list[Position]]"


class Appender:
    """Appends to the log with group commit: one transaction in flight, the next gathers meanwhile.

    `close` writes what waits, then refuses. Use it from one event loop.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        partitions: int,
        *,
        listener: Listener | None = None,
        max_waiting: int = MAX_WAITING_EVENTS,
        max_transaction: int = MAX_TRANSACTION_EVENTS,
        step: Step | None = None,
    ) -> None:
        self._step = step or Step(STEP, ON_DEMAND)
        self._engine = engine
        self._partitions = partitions
        self._max_waiting = max_waiting
        self._max_transaction = max_transaction
        self._homes = Homes()
        self._waiting: deque[_Batch] = deque()
        self._waiting_events = 0
        self._writer: asyncio.Task[None] | None = None
        self._closed = False
        self._progress = FoldingProgress(engine, listener)

    async def append(self, entries: Sequence[Entry]) -> list[Position]:
        """Return the position of each event once they are committed. Raises Overloaded,
        AppendFailed.

        A caller that is cancelled while its transaction is written leaves its events in the log.
        """
        if not entries:
            return []
        if self._closed or (
            self._waiting and self._waiting_events + len(entries) > self._max_waiting
        ):
            raise Overloaded(RETRY_AFTER_SECONDS)
        batch = _Batch(entries, asyncio.get_running_loop().create_future())
        self._waiting.append(batch)
        self._waiting_events += len(entries)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="append")
        return await batch.appended

    async def wait_for(self, positions: Iterable[Position], timeout: float) -> bool:
        """True once the live projection has folded these positions; False if it hasn't within
        `timeout` seconds."""
        return await self._progress.wait_for(positions, timeout)

    async def close(self) -> None:
        self._closed = True
        if self._writer is not None:
            await asyncio.wait([self._writer])
        await self._progress.close()

    async def _write_all(self) -> None:
        while self._waiting:
            batches = self._next_group()
            if not batches:
                continue
            try:
                positions = await self._write(
                    [entry for batch in batches for entry in batch.entries]
                )
            except asyncio.CancelledError:
                self._fail(batches + list(self._waiting), "the service is stopping")
                raise
            except (
                Exception
            ) as error:  # whatever it was, its callers must hear it, and the next group must go on
                self._step.failed(error)
                self._fail(batches, f"{type(error).__name__}: {error}")
            else:
                self._step.succeeded()
                self._answer(batches, positions)

    def _next_group(self) -> list[_Batch]:
        """Take waiting batches up to the transaction's limit, at least one; those whose caller has
        gone are dropped."""
        group: list[_Batch] = []
        events = 0
        while self._waiting and (
            not group or events + len(self._waiting[0].entries) <= self._max_transaction
        ):
            batch = self._waiting.popleft()
            self._waiting_events -= len(batch.entries)
            if not batch.appended.done():
                group.append(batch)
                events += len(batch.entries)
        return group

    async def _write(self, entries: list[Entry]) -> list[Position]:
        homes = [self._homes.get(customer_id) for customer_id, _ in entries]
        if None not in homes:
            return await self._write_at_home(entries, homes)
        async with self._engine.begin() as conn:
            positions = await append_within(
                conn, entries, partitions=self._partitions, known_homes=self._homes
            )
        self._homes.learn(
            {
                entry[0]: position.partition
                for entry, position in zip(entries, positions, strict=True)
            }
        )
        return positions

    async def _write_at_home(
        self, entries: Sequence[Entry], homes: Sequence[int | None]
    ) -> list[Position]:
        """Write events of customers whose homes are known: nothing is to be claimed, so one
        statement is enough."""
        events = [(home or 0, event) for home, (_, event) in zip(homes, entries, strict=True)]
        async with autocommit_connection(self._engine) as conn:
            return [Position(*position) for position in await log.append_alone(conn, events)]

    def _answer(self, batches: list[_Batch], positions: list[Position]) -> None:
        start = 0
        for batch in batches:
            end = start + len(batch.entries)
            if not batch.appended.done():
                batch.appended.set_result(positions[start:end])
            start = end

    def _fail(self, batches: list[_Batch], why: str) -> None:
        for batch in batches:
            if not batch.appended.done():
                batch.appended.set_exception(AppendFailed(why))


@dataclass(slots=True, eq=False)
class _Waiter:
    positions: list[Position]
    reached: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class FoldingProgress:
    """Wakes waiters when the live projection has folded their positions: one query for all of them,
    at each flush."""

    def __init__(self, engine: AsyncEngine, listener: Listener | None) -> None:
        self._engine = engine
        self._listener = listener
        self._waiters: set[_Waiter] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def wait_for(self, positions: Iterable[Position], timeout: float) -> bool:
        waiter = _Waiter(list(positions))
        self._waiters.add(waiter)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="append-progress")
        try:
            await asyncio.wait_for(waiter.reached, timeout)
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return True

    async def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])

    async def _watch(self) -> None:
        while self._waiters:
            offsets = await self._offsets()
            for waiter in list(self._waiters):
                if (
                    all(offsets.get(p.partition, 0) > p.position for p in waiter.positions)
                    and not waiter.reached.done()
                ):
                    waiter.reached.set_result(None)
                    self._waiters.discard(waiter)
            if self._waiters:
                await self._pause()

    async def _offsets(self) -> dict[int, int]:
        """Nothing while the database is away: the waiters' timeouts end it then."""
        try:
            async with self._engine.connect() as conn:
                return await partitions.table_offsets(conn)
        except Exception:
            return {}

    async def _pause(self) -> None:
        if self._listener is None:
            await asyncio.sleep(POLL_SECONDS / 20)
        else:
            await self._listener.wait({partitions.FLUSHED_CHANNEL}, POLL_SECONDS)
