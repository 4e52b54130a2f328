"""Where a replay sends its events, and what it hears back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from healthsvc.core.errors import Busy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayBatch:
    """Valid events in order, as columns."""

    customer_ids: Sequence[str]
    events: Sequence[bytes]  # envelopes as JSON

    def __len__(self) -> int:
        return len(self.events)

    def part(self, start: int, stop: int) -> "ReplayBatch":
        return ReplayBatch(
            customer_ids=self.customer_ids[start:stop], events=self.events[start:stop]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What became of a batch; `rejected` has (place in the batch, reason)."""

    accepted: int
    duplicates: int = 0
    rejected: Sequence[tuple[int, str]] = ()


class ReplayOutput(Protocol):
    """An entrance to the log."""

    @property
    def identity(self) -> str:
        """Names the very log behind it: progress in one says nothing about another."""
        ...

    async def send(self, batch: ReplayBatch) -> SendResult:
        """Return when the events are durable, in this order. Raises OutputAwayError: then any may
        be in the log."""
        ...

    async def close(self) -> None: ...


class OutputAwayError(Busy):
    """The log can't be reached just now."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the log can't be reached: {why}")
