"""A record may be valid and yet break the folding, by a fault of ours: it is looked for, and set aside for good."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from healthsvc.flows.processing.owner import Owner
from healthsvc.flows.processing.ports import Chunk
from healthsvc.store.intake.log import FAULTS

Place = tuple[str, int, int]
"""Source, partition, position."""


class Unfoldable(Exception):
    """A record is valid and yet breaks the folding: a fault of ours."""

    def __init__(self, source: str, partition: int, position: int) -> None:
        self.source, self.partition, self.position = source, partition, position
        super().__init__(f"folding broke in {source}[{partition}] at or after {position}")


class Culprits:
    """The records that were found to break the folding.

    What was read when it broke is folded one by one the next time. The record that breaks it then is suspected, and a
    culprit if it does so once more: what breaks for another reason hardly strikes the same record twice running.
    """

    def __init__(self) -> None:
        self._careful_below: dict[tuple[str, int], int] = {}
        self._suspect: Place | None = None
        self._found: dict[Place, str] = {}

    async def fold(self, owner: Owner, source: str, topic: str, chunks: list[Chunk], now: datetime) -> None:
        """Fold without the culprits. Raises Unfoldable where another breaks it: the memory is to be dropped then."""
        careful = any(c.first < self._careful_below.get((source, c.partition), c.first) for c in chunks)
        for some in single_records(chunks) if careful else [chunks]:
            try:
                await owner.fold(source, topic, some, now, self._found)
            except (*FAULTS, MemoryError):
                raise
            except Exception as error:
                place = (source, some[0].partition, some[0].first)
                if careful:
                    self._accuse(place, error)
                else:
                    self._careful_below |= {(source, c.partition): c.next for c in chunks}
                raise Unfoldable(*place) from error
        for chunk in chunks:
            if chunk.next >= self._careful_below.get((source, chunk.partition), chunk.next):
                self._careful_below.pop((source, chunk.partition), None)

    def _accuse(self, place: Place, error: Exception) -> None:
        if place == self._suspect:
            self._found[place] = f"{type(error).__name__}: {error}"
        self._suspect = place


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
