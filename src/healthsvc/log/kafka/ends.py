"""Where the partitions end, by what the brokers answered: how far each is read through, and topics
made anew."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from healthsvc.flows.processing.ports import OffsetOutOfRange

SHRUNK_LOOKS = (
    4  # an end below our offset may be a leader that catches up: believed after so many looks
)


class Ends:
    """Gathers answers; `read_through` says up to which instant everything produced to a partition
    has been read."""

    def __init__(self, topic: str) -> None:
        self.read_through: dict[int, datetime] = {}
        self._topic = topic
        self._known: dict[
            int, tuple[int, datetime]
        ] = {}  # end of a partition, and when it was that, at least
        self._shrunk: dict[int, int] = {}

    def note(self, partition: int, end: int, at: datetime, *, asked_from: int, offset: int) -> None:
        """Note an end as of `at`; `asked_from` was the next offset to read when it was requested,
        `offset` is the one of now."""
        self._shrunk[partition] = self._shrunk.get(partition, 0) + 1 if end < asked_from else 0
        previous = self._known.get(partition)
        if (
            previous is None or offset >= previous[0] or end < asked_from
        ):  # under load: reach the end of a moment ago first
            self._known[partition] = (end, at)

    def note_vanished(self, partitions: Iterable[int], at: datetime) -> None:
        """A topic never loses a partition: it was made anew with fewer."""
        for partition in partitions:
            self._known[partition] = (0, at)
            self._shrunk[partition] = SHRUNK_LOOKS

    def note_absent(self, partitions: Iterable[int], at: datetime) -> None:
        """A partition that the topic doesn't have (yet) is read through."""
        self.read_through |= dict.fromkeys(partitions, at)

    def note_read(self, offsets: Mapping[int, int]) -> None:
        for partition, (end, at) in self._known.items():
            if offsets.get(partition, -1) >= end:
                self.read_through[partition] = max(at, self.read_through.get(partition, at))

    def end(self, partition: int) -> int | None:
        last = self._known.get(partition)
        return None if last is None else last[0]

    def forget(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._known.pop(partition, None)
            self.read_through.pop(partition, None)
            self._shrunk.pop(partition, None)

    def forget_looks(self, changed: Iterable[int]) -> None:
        """Forget how often these partitions looked shrunk: they are read from another offset."""
        for partition in changed:
            self._shrunk.pop(partition, None)

    def raise_if_shrunk(self, offsets: Mapping[int, int]) -> None:
        for partition, looks in self._shrunk.items():
            if looks >= SHRUNK_LOOKS:
                end, _ = self._known[partition]
                raise OffsetOutOfRange(
                    topic=self._topic,
                    partition=partition,
                    ours=offsets[partition],
                    begin=0,
                    end=end,
                )
