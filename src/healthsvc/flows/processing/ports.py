"""What the flows need from outside: the inputs of the log, and how they say that they can't go
on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from healthsvc.core.errors import InternalFault

Header: TypeAlias = tuple[str, bytes | None]
"""Bytes of a name that aren't UTF-8 stand in it as lone surrogates (surrogateescape)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Records of an input that can't be read, by their range of positions."""

    first: int
    last: int
    raw: bytes
    """Their bytes, or the beginning of them."""
    raw_bytes: int
    """How many there are."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What one read gave of one partition of one input, in the order of the log.

    `positions` names each record's offset, or is None when they are first, first + 1, …; `next` can
    lie beyond the last record (Kafka's offsets skip over markers and compacted records).
    """

    partition: int
    values: list[bytes]  # b"" for a Kafka tombstone
    headers: list[Sequence[Header]] | None  # None: not one record has any
    first: int
    next: int
    positions: Sequence[int] | None
    logged_us: npt.NDArray[np.int64]  # when each record entered the log
    unreadable: Sequence[Unreadable] = ()  # what lies between the records and can't be read

    def position(self, index: int) -> int:
        return self.first + index if self.positions is None else self.positions[index]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputReading:
    """One read of an input: at most one chunk a partition, and how far the input is read with them.

    `read_through`: by assigned partition, the instant up to which everything logged is read once
    these chunks are; it never goes back while the partition stays assigned, and is missing while
    unknown. `drained`: as far as one could tell nothing more was waiting, so a flush now has the
    best latency. `waiting`: how many records are known to wait behind these.
    """

    chunks: list[Chunk]
    read_through: Mapping[int, datetime]
    drained: bool
    waiting: int = 0


class Input(Protocol):
    """One of the log's inputs. One task reads it; `assign` is called between reads."""

    @property
    def name(self) -> Literal["table", "kafka"]: ...

    async def partitions(self) -> Sequence[int]:
        """Return the partitions that this input has now, ascending; empty when it can't be known
        (broker away)."""
        ...

    async def assign(self, offsets: Mapping[int, int]) -> None:
        """Read exactly these partitions from now on, each from its offset; -1 is the beginning.

        A partition whose offset is where we stand anyway keeps its buffers.
        """
        ...

    async def read(self, max_records: int, timeout_seconds: float) -> InputReading:
        """Return what there is, at once; when there is nothing, wait for it up to the timeout.

        Raises InputFault when going on would skip records or needs a person.
        """
        ...

    def hint(self, offsets: Mapping[int, int]) -> None:
        """Publish the current offsets for outside tools. Never blocks, never raises, may do
        nothing."""
        ...

    async def close(self) -> None: ...


class InputFault(InternalFault):
    """The input can't go on without a person; nothing was skipped."""


class OffsetOutOfRange(InputFault):
    """The record to read next isn't in the topic: it was deleted before we read it, or the topic
    was made anew."""

    def __init__(self, *, topic: str, partition: int, ours: int, begin: int, end: int) -> None:
        self.topic, self.partition, self.ours, self.begin, self.end = (
            topic,
            partition,
            ours,
            begin,
            end,
        )
        super().__init__(f"{self._what()} {self._remedy()}")

    def _what(self) -> str:
        where = f"{self.topic}[{self.partition}]: our next offset is {self.ours}"
        if self.ours > self.end:
            return f"{where}, but the topic ends at {self.end}: it was made anew, or lost records."
        lost = self.begin - self.ours
        return (
            f"{where}, but the topic begins at {self.begin}: retention deleted {lost} unread"
            " records."
        )

    def _remedy(self) -> str:
        return (
            "Nothing was skipped. Restore the topic, or accept the loss: stop the processors, set"
            f" partitions.kafka_offset to {self.begin} for partition {self.partition}, start them."
        )


class InputStalled(InputFault):
    """Records are waiting, and none comes, although the reader was made anew several times."""

    def __init__(self, *, topic: str, lag: Mapping[int, int], seconds: float) -> None:
        self.topic, self.lag, self.seconds = topic, dict(lag), seconds
        super().__init__(
            f"{topic}: no record for {seconds:.0f} s although these wait, by partition: {dict(lag)}"
        )
