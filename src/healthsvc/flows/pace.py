"""When a flush is due: latency comes first while the input is drained, throughput while a backlog is caught up with."""

from dataclasses import dataclass, replace
from time import perf_counter

from healthsvc.flows.held import Pending
from healthsvc.flows.ports import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When a flush is due: at so many events, or when the oldest waits so long, or at once when the input is
    drained."""

    flush_events: int = 250_000
    flush_seconds: float = 0.02
    backlog_seconds: float = 6.0
    """The same while a backlog is caught up with: those events are late already, and large flushes are faster."""
    read_records: int = 5_000
    lease_seconds: float = 10.0

    def fitting(self, customers: int) -> "Pace":
        """The same, but what is being flushed, folded and read always fits into memory for so many customers, and
        between two renewals of the lease."""
        return replace(
            self,
            flush_events=max(1, min(self.flush_events, customers * 2 // 5)),
            read_records=max(1, min(self.read_records, customers // 16)),
            backlog_seconds=min(self.backlog_seconds, 0.6 * self.lease_seconds),  # a flush holds up the renewal
        )


class Waiting:
    """What waits for the next flush, and since when, by the inputs' own account."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._behind: dict[str, bool] = {}
        self._drained: dict[str, bool] = {}
        self._since: float | None = None

    def note(self, source: str, reading: Reading) -> None:
        """An input was read. It is behind from the moment a whole read waits in it until nothing does."""
        whole = 1 if self._behind.get(source) else self._pace.read_records
        self._behind[source] = reading.waiting >= whole
        self._drained[source] = reading.drained
        if reading.chunks and self._since is None:
            self._since = perf_counter()

    def flushed(self) -> None:
        """Nothing that was read waits any longer."""
        self._since = None

    def seconds_left(self) -> float:
        """How long the oldest event may still wait, inf where there is none."""
        return float("inf") if self._since is None else max(0.0, self._since + self._patience() - perf_counter())

    def is_due(self, pending: Pending) -> bool:
        """Whether what is pending is to be flushed now, if nothing is in flight."""
        full = max(pending.events, pending.records // 2) >= self._pace.flush_events
        drained = not any(self._behind.values()) and all(self._drained.values())
        return bool(full or pending.fired or drained or self.seconds_left() <= 0)

    def _patience(self) -> float:
        return self._pace.backlog_seconds if any(self._behind.values()) else self._pace.flush_seconds
