"""Customers whose timers were postponed since their decision fails: what a worker reports of
them."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

GRACE_SECONDS: Final = 60.0
"""A timer that is due again and hasn't failed for so long isn't reported any more: it may be
another worker's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostponedTimer:
    """One customer's timer; times in seconds of the clock."""

    customer_id: str
    error: str
    since: float
    until: float


class PostponedTimers:
    """The postponed timers of one worker, by customer key; shared by threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._timers: dict[int, PostponedTimer] = {}
        self._lock = threading.Lock()

    def postponed(self, key: int, customer_id: str, error: str, seconds: float) -> None:
        """The customer's decision failed; it is tried again in so many seconds."""
        now = self._clock()
        with self._lock:
            before = self._timers.get(key)
            since = now if before is None else before.since
            self._timers[key] = PostponedTimer(
                customer_id=customer_id,
                error=error,
                since=since,
                until=now + seconds + GRACE_SECONDS,
            )

    def recovered(self, keys: Collection[int]) -> None:
        """These customers were decided."""
        with self._lock:
            for key in keys:
                self._timers.pop(key, None)

    def all(self) -> list[PostponedTimer]:
        """Those that still fail, the longest first."""
        now = self._clock()
        with self._lock:
            self._timers = {key: timer for key, timer in self._timers.items() if timer.until > now}
            return sorted(self._timers.values(), key=lambda timer: timer.since)

    def seconds(self, timer: PostponedTimer) -> float:
        """For how long it has failed."""
        return self._clock() - timer.since
