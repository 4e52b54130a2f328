"""A record may be valid and yet break the folding, by a fault of ours: it is looked for, and set aside for good."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from healthsvc.flows.owner import Owner
from healthsvc.flows.ports import Chunk
from healthsvc.store.log import FAULTS


class Unfoldable(Exception):
    """A record is valid and yet breaks the folding: a fault of ours."""

    def __init__(self, source: str, partition: int, position: int) -> None:
        self.source, self.partition, self.position = source, partition, position
        super().__init__(f"folding broke in {source}[{partition}] at or after {position}")


class Culprits:
    """The records that were found to break the folding. After a break all is folded one by one until the next, which
    is the culprit's."""

    def __init__(self) -> None:
        self._careful = False
        self._found: dict[tuple[str, int, int], str] = {}

    async def fold(self, owner: Owner, source: str, topic: str, chunks: list[Chunk], now: datetime) -> None:
        """Fold without the culprits. Raises Unfoldable where another breaks it: the memory is to be dropped then."""
        for some in single_records(chunks) if self._careful else [chunks]:
            try:
                await owner.fold(source, topic, some, now, self._found)
            except (*FAULTS, MemoryError):
                raise
            except Exception as error:
                if self._careful:
                    self._found[source, some[0].partition, some[0].first] = f"{type(error).__name__}: {error}"
                self._careful = not self._careful
                raise Unfoldable(source, some[0].partition, some[0].first) from error


def single_records(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """The same records, each in a chunk of its own; a chunk without records stays one."""
    for chunk in chunks:
        if not len(chunk):
            yield [chunk]
        for i, value in enumerate(chunk.values):
            last = i == len(chunk) - 1
            yield [
                replace(
                    chunk,
                    values=[value],
                    headers=None if chunk.headers is None else [chunk.headers[i]],
                    first=chunk.position(i),
                    next=chunk.next if last else chunk.position(i + 1),
                    positions=None,
                    logged_us=chunk.logged_us[i : i + 1],
                )
            ]
