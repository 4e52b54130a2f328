"""Whether inputs make progress: per partition the log's end beside the committed offset, and since
when it stands.

Only what is committed counts. An offset that is read, folded and lost again at the same record
shows no progress.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from healthsvc.telemetry import LOG_LAG

STALL_SECONDS: Final = 30.0
FLUSH_PATIENCE: Final = 4.0
"""While a flush is under way, partitions may stand for so many times as long."""
UNKNOWN: Final = float("nan")

Place = tuple[str, int]
"""Source and partition."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A partition that has something to read and makes no progress."""

    source: str
    partition: int
    offset: int
    end: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Away:
    """A source that can't be reached."""

    source: str
    seconds: float
    why: str


@dataclass(slots=True)
class _Partition:
    committed: int
    """-1: the beginning, not looked up yet."""
    begin: int = 0
    """The first offset that there is to read."""
    end: int | None = None
    readable: int | None = None
    """Up to where it can be read now, where that is less than its end."""
    behind_since: float | None = None


class InputProgress:
    """Offsets and ends of one worker's partitions; shared by threads.

    stall_seconds: how long one may stand, or a source be away, before that is told. metrics:
    whether the lag of its partitions is exported; off for partitions that are another worker's.
    """

    def __init__(
        self,
        stall_seconds: float = STALL_SECONDS,
        *,
        metrics: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stall_seconds = stall_seconds
        self._metrics, self._clock = metrics, clock
        self._partitions: dict[Place, _Partition] = {}
        self._away: dict[str, tuple[float, str]] = {}
        self._flush_began: float | None = None
        self._flush_failed = False
        self._lock = threading.Lock()

    def flush_begun(self) -> None:
        """What was read is being written."""
        with self._lock:
            self._flush_began = self._clock()

    def flush_ended(self, *, committed: bool) -> None:
        """The flush is written, or failed: the next one isn't waited for any longer than anything
        else."""
        with self._lock:
            self._flush_began, self._flush_failed = None, not committed

    def slow_flush_seconds(self) -> float | None:
        """For how long a flush has been under way, where that is too long; None: there is no such
        flush."""
        with self._lock:
            seconds = 0.0 if self._flush_began is None else self._clock() - self._flush_began
        return seconds if seconds > self.stall_seconds else None

    def hold(self, source: str, owned: Collection[int], acquired: Mapping[int, int]) -> None:
        """These partitions of a source are read from now on, and no others; those just taken, from
        where they stand.

        One that was taken anew and stands where it stood goes on standing: that is no progress.
        """
        with self._lock:
            for place in [p for p in self._partitions if p[0] == source and p[1] not in owned]:
                del self._partitions[place]
                self._drop(place)
            for partition, offset in acquired.items():
                self._commit((source, partition), offset)

    def committed(self, source: str, offsets: Mapping[int, int]) -> None:
        """These offsets are committed; of partitions that aren't held it says nothing."""
        with self._lock:
            for partition, offset in offsets.items():
                if (source, partition) in self._partitions:
                    self._commit((source, partition), offset)

    def begins(self, source: str, begins: Mapping[int, int]) -> None:
        """The log of these partitions, never read before, begins there."""
        with self._lock:
            for partition, begin in begins.items():
                if (source, partition) in self._partitions:
                    self._partitions[source, partition].begin = begin

    def ends(
        self, source: str, ends: Mapping[int, int], readable: Mapping[int, int] | None = None
    ) -> None:
        """The log ends there; readable: up to where it can be read, where an open transaction holds
        up the rest."""
        with self._lock:
            self._away.pop(source, None)
            for partition, end in ends.items():
                state = self._partitions.get((source, partition))
                if state is not None:
                    state.end, state.readable = end, (readable or {}).get(partition)
                    self._judge((source, partition), state)

    def back(self, source: str) -> None:
        """The source can be reached again."""
        with self._lock:
            self._away.pop(source, None)

    def away(self, source: str, why: str) -> None:
        """The source can't be reached, so its ends aren't known; nor is it the partitions' fault
        that they stand."""
        with self._lock:
            self._away.setdefault(source, (self._clock(), why))
            for place, state in self._partitions.items():
                if place[0] == source:
                    state.end, state.behind_since = None, None
                    self._show(place, UNKNOWN)

    def stalled(self) -> list[Stall]:
        """Partitions that have stood for too long while something waits."""
        now = self._clock()
        with self._lock:
            is_writing = self._flush_began is not None and not self._flush_failed
            patience = self.stall_seconds * (FLUSH_PATIENCE if is_writing else 1.0)
            return [
                Stall(source, partition, state.committed, state.end, now - state.behind_since)
                for (source, partition), state in sorted(self._partitions.items())
                if state.behind_since is not None
                and state.end is not None
                and now - state.behind_since > patience
            ]

    def unreachable(self) -> list[Away]:
        """Sources that have been away for too long."""
        now = self._clock()
        with self._lock:
            return [
                Away(source, now - since, why)
                for source, (since, why) in sorted(self._away.items())
                if now - since > self.stall_seconds
            ]

    def owned(self) -> set[Place]:
        with self._lock:
            return set(self._partitions)

    def _commit(self, place: Place, offset: int) -> None:
        state = self._partitions.get(place)
        if state is None:
            state = self._partitions[place] = _Partition(offset)
            self._show(place, UNKNOWN)
        elif offset != state.committed:
            state.committed, state.behind_since = offset, None
        self._judge(place, state)

    def _judge(self, place: Place, state: _Partition) -> None:
        if state.end is None:
            return
        start = max(state.committed, state.begin)
        lag = max(0, state.end - start)
        if start >= (state.end if state.readable is None else state.readable):
            state.behind_since = None
        elif state.behind_since is None:
            state.behind_since = self._clock()
        self._show(place, lag)

    def _show(self, place: Place, lag: float) -> None:
        if self._metrics:
            LOG_LAG.labels(place[0], str(place[1])).set(lag)

    def _drop(self, place: Place) -> None:
        if self._metrics:
            with suppress(KeyError):
                LOG_LAG.remove(place[0], str(place[1]))
