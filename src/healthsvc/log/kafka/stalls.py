"""A watchdog: a partition that has waiting records makes progress, or something hangs."""

import time
from collections.abc import Callable, Iterable


class Stalls:
    """Watches that partitions with waiting records make progress while they are being read."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self.restarts = 0
        self._since: dict[
            int, tuple[int, float]
        ] = {}  # offset, and since when it stands there while records wait
        self._lag: dict[int, int] = {}

    def note(self, partition: int, offset: int, end: int, excused: bool) -> None:
        stands_at, _ = self._since.get(partition, (-1, 0.0))
        if offset != stands_at and stands_at >= 0:
            self.restarts = 0
        if offset >= end or excused:
            self._since.pop(partition, None)
        elif offset != stands_at:
            self._since[partition] = (offset, self._clock())
        self._lag[partition] = end - offset

    def forget(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._since.pop(partition, None)

    def stalled(self) -> dict[int, int]:
        """The lag of those that stand still for too long; asking again is counted anew."""
        limit = self._clock() - self.seconds
        late = {
            partition: self._lag[partition]
            for partition, (_, since) in self._since.items()
            if since < limit
        }
        if late:
            self._since.clear()
        return late
