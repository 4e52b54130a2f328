"""When a flush is due: latency comes first while the input is drained, throughput while a backlog
is caught up with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Final

from healthsvc.core.instants import SECOND_US
from healthsvc.flows.processing.owned_partition import Pending
from healthsvc.flows.processing.ports import InputReading

PATIENCE: Final = 2.0
"""While a backlog is caught up with, an event waits for so many times as long as it is late
already."""
SMALLEST_SHARE: Final = 1 / 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushPolicy:
    """When a flush is due: at so many events or customers, or when the oldest waits so long, or at
    once when the input is drained."""

    flush_events: int = 250_000
    flush_customers: int = 65_536
    """Their states wait in a temporary table of some 55 MB; of one, 64 are kept in memory
    (docs/decisions/0013)."""
    flush_seconds: float = 0.02
    backlog_least_seconds: float = 0.5
    backlog_seconds: float = 12.0
    """While a backlog is caught up with, events wait by how late they are already, within these
    bounds: of two events of a customer in one flush only the second one's state is written, so
    large flushes are cheaper."""
    read_records: int = 20_000
    lease_seconds: float = 10.0

    def fitting(self, customers: int) -> "FlushPolicy":
        """The same, but what is being flushed, folded and read always fits into memory for so many
        customers, and between some renewals of the lease."""
        return replace(
            self,
            flush_customers=max(1, min(self.flush_customers, customers * 2 // 5)),
            read_records=max(1, min(self.read_records, customers // 16)),
            backlog_seconds=min(
                self.backlog_seconds, 1.2 * self.lease_seconds
            ),  # its flush holds up the renewal
        )


class FlushState:
    """What waits for the next flush, and since when, by the inputs' own account."""

    def __init__(self, policy: FlushPolicy, clock: Callable[[], float] = perf_counter) -> None:
        self._policy, self._clock = policy, clock
        self._behind: dict[str, bool] = {}
        self._records: dict[str, int] = {}
        self._drained: dict[str, bool] = {}
        self._since: float | None = None
        self._late = 0.0
        self._share = 1.0

    def note(self, source: str, reading: InputReading, now_us: int) -> None:
        """An input was read. It is behind from the moment a whole read waits in it until nothing
        does."""
        whole = 1 if self._behind.get(source) else self._policy.read_records
        self._behind[source] = reading.waiting >= whole
        self._records[source] = reading.waiting
        self._drained[source] = reading.drained
        if self._since is None and any(len(chunk) for chunk in reading.chunks):
            self._since = self._clock()
            oldest_us = min(int(chunk.logged_us.min()) for chunk in reading.chunks if len(chunk))
            self._late = (now_us - oldest_us) / SECOND_US

    def flushed(self) -> None:
        """Nothing that was read waits any longer."""
        self._since = None

    def grow(self) -> None:
        """A flush was written: flushes may grow again."""
        self._share = min(1.0, 2 * self._share)

    def failed(self) -> None:
        """A flush wasn't written. Should it have been too large for this database, the next one is
        half as large."""
        self._share = max(SMALLEST_SHARE, self._share / 2)

    def seconds_left(self) -> float:
        """How long the oldest event may still wait, inf where there is none."""
        return (
            float("inf")
            if self._since is None
            else max(0.0, self._since + self._patience() - self._clock())
        )

    def is_full(self, pending: Pending) -> bool:
        """Whether what is pending is as much as a flush may have."""
        events = max(pending.events, pending.records // 2)
        return (
            events >= self._share * self._policy.flush_events
            or pending.customers >= self._share * self._policy.flush_customers
        )

    def is_due(self, pending: Pending) -> bool:
        """Whether what is pending is to be flushed now, if nothing is in flight."""
        drained = not any(self._behind.values()) and all(self._drained.values())
        full = self.is_full(pending) or self._is_most(pending)
        return bool(full or pending.fired or drained or self.seconds_left() <= 0)

    def _is_most(self, pending: Pending) -> bool:
        """Whether less of a backlog is left than is pending. Written now, the larger part is
        written while the rest is folded; else all of it would be at the end, when nothing is left
        to be folded meanwhile."""
        return pending.records >= max(self._policy.read_records, sum(self._records.values()))

    def _patience(self) -> float:
        policy = self._policy
        if not any(self._behind.values()):
            return policy.flush_seconds
        return self._share * min(
            policy.backlog_seconds, max(policy.backlog_least_seconds, PATIENCE * self._late)
        )
