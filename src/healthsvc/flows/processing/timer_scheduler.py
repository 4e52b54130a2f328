"""Timers: customers are decided when their instant has come, once their partition has been read up to it."""

from datetime import datetime, timedelta
from typing import Final

from healthsvc.core.instants import from_us
from healthsvc.flows.processing.owner import Owner
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import timers

AT_ONCE: Final = 2_000
POLL: Final = timedelta(seconds=5)


class TimerScheduler:
    """Knows when the next timer of the owner's partitions may be due, and asks the database seldom."""

    def __init__(self, engine: AsyncEngine, projection: int, owner: Owner) -> None:
        self._engine, self._projection, self._owner = engine, projection, owner
        self._next: datetime | None = None
        self._asked: datetime | None = None
        self._as_of: dict[int, datetime] = {}
        """How far the log was read when nothing was due."""

    def forget(self) -> None:
        """Other partitions are owned: what is due next isn't known."""
        self._next, self._asked = None, None

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
        """Whether the next timer may have come, as far as the log is read; true once for each step of the reading."""
        as_of = self._owner.timers_as_of()
        if self._next is None or not as_of or as_of == self._as_of:
            return False
        return max(as_of.values()) >= self._next

    async def fire(self, now: datetime) -> None:
        """Have customers decided whose instant has come, in partitions that are read up to it."""
        as_of = self._owner.timers_as_of()
        polled = self._asked is not None and now - self._asked < POLL
        if not as_of or self._owner.pending.fired or (polled and not self.are_due()):
            return
        async with self._engine.connect() as conn:
            at_once = min(AT_ONCE, max(1, self._owner.states.capacity // 16))
            keys = await timers.due(conn, self._projection, as_of, at_once)
            self._asked = now
            if not keys:
                self._next = await timers.earliest(conn, self._projection, list(self._owner.held))
                self._as_of = as_of
        if keys:
            await self._owner.fire(keys)
            self._next, self._as_of = min(as_of.values()), {}  # there may be more of them
