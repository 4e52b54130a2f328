"""Compressed time: a history sent at a multiple of the speed at which it happened."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PACE_SECONDS = 0.05  # in compressed time, events due within it travel together


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPace:
    """Compressed time: so many seconds of the history in one second of ours. `now` is a monotonic
    clock."""

    speed: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class DueTimes:
    """When each event is due in compressed time; one that is late in the file is due with its
    predecessor."""

    def __init__(self, pace: ReplayPace) -> None:
        self._pace = pace
        self._started: float | None = None
        self._first_us = 0
        self._latest_us = 0

    async def due(self, occurred_us: npt.NDArray[np.int64], start: int) -> int:
        """Wait for the event at `start`, and return the end of those that may travel with it."""
        if self._started is None:
            self._started = self._pace.now()
            self._first_us = self._latest_us = int(occurred_us[start])
        history_us = (
            np.maximum(np.maximum.accumulate(occurred_us[start:]), self._latest_us) - self._first_us
        )
        due = history_us / 1e6 / self._pace.speed
        wait = float(due[0]) - (self._pace.now() - self._started)
        if wait > 0:
            await self._pace.sleep(wait)
        elapsed = self._pace.now() - self._started + PACE_SECONDS
        count = max(1, int(np.searchsorted(due, elapsed, side="right")))
        self._latest_us = self._first_us + int(history_us[count - 1])
        return start + count
