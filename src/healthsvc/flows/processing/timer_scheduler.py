"""Timers: customers are decided when their instant has come, once their partition has been read up
to it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from healthsvc.core.instants import from_us
from healthsvc.flows.processing.owner import Owner
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import timers

AT_ONCE: Final = 2_000
POLL: Final = timedelta(seconds=5)


class TimerScheduler:
    """Schedules the next timer of the owner's partitions, with few queries of the database."""

    def __init__(self, engine: AsyncEngine, projection: int, owner: Owner) -> None:
        self._engine, self._projection, self._owner = engine, projection, owner
        self._next: datetime | None = None
        self._asked: datetime | None = None
        self._as_of: dict[int, datetime] = {}
        """How far the log was read when nothing was due."""
        self.in_hand = 0
        """How many customers were brought in since the last flush."""

    def forget(self) -> None:
        """Other partitions are owned: what is due next isn't known."""
        self._next, self._asked, self.in_hand = None, None, 0

    def expect(self, due_us: float) -> None:
        """A timer is being written."""
        if due_us != float("inf"):
            due = from_us(due_us)
            self._next = due if self._next is None else min(self._next, due)

    def seconds_until(self, now: datetime) -> float:
        """Until the next timer, inf where none is known to lie ahead."""
        ahead = float("inf") if self._next is None else (self._next - now).total_seconds()
        return ahead if ahead > 0 else float("inf")

    def are_due(self) -> bool:
        """Whether the next timer may have come, as far as the log is read; true once for each step
        of the reading."""
        as_of = self._owner.timers_as_of()
        if self._next is None or not as_of or as_of == self._as_of:
            return False
        return max(as_of.values()) >= self._next

    async def fire(self, now: datetime) -> None:
        """Have customers decided whose instant has come, in partitions that are read up to it."""
        polled = self._asked is not None and now - self._asked < POLL
        if self._owner.pending.fired or (polled and not self.are_due()):
            return
        keys = await self.due(now, AT_ONCE)
        if keys:
            await self.bring(keys)
            self._next, self._as_of = (
                min(self._owner.timers_as_of().values()),
                {},
            )  # there may be more of them

    async def due(self, now: datetime, at_most: int) -> list[int]:
        """The customers whose instant has come, the longest due first; where there are none, learn
        when one is."""
        as_of = self._owner.timers_as_of()
        if not as_of:
            return []
        async with self._engine.connect() as conn:
            at_once = min(at_most, max(1, self._owner.states.capacity // 16))
            keys = await timers.due(conn, self._projection, as_of, at_once)
            self._asked = now
            if not keys:
                self._next = await timers.earliest(conn, self._projection, list(self._owner.owned))
                self._as_of = as_of
        return keys

    async def bring(self, keys: Sequence[int]) -> None:
        """Have these customers decided by the next flush."""
        self.in_hand = len(keys)
        await self._owner.fire(keys)

    def flushed(self) -> None:
        """The customers that were brought in are decided."""
        self.in_hand = 0
