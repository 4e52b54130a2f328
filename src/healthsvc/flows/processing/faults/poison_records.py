"""Isolates poison records: records at which processing fails each time, in whatever phase.

After a failure what was read is read again in pieces, each flushed by itself; a piece that fails is
read in smaller ones, down to single records. A record that fails twice running is quarantined, from
its bytes and its place alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from healthsvc.flows.processing.ports import Chunk, Header
from healthsvc.store.processing.dead_letter_writes import NewDeadLetter
from healthsvc.wire.events.dead_letter_text import errors_json, headers_json

SHRINK: Final = 8
"""A piece that fails is split in so many."""
LARGEST_PIECE: Final = 2_000
REASON: Final = "unfoldable"
RAW_BYTES: Final = 65_536

Input = tuple[str, int]
"""Source and partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonRecord:
    """A record to be quarantined; `next` is the position to go on from."""

    source: str
    partition: int
    position: int
    next: int
    value: bytes | None
    headers: Sequence[Header] | None
    error: str

    def letter(self, topic: str) -> NewDeadLetter:
        """Its dead letter. Nothing of the record is decoded."""
        value = self.value
        return NewDeadLetter(
            origin=self.source,
            topic=topic,
            partition=self.partition,
            position=self.position,
            raw=value if value is not None and len(value) <= RAW_BYTES else None,
            raw_bytes=len(value or b""),
            headers=self._headers(),
            reason=REASON,
            errors=errors_json([("", self.error)]),
        )

    def _headers(self) -> str:
        try:
            return headers_json(self.headers)
        except Exception:  # they may be what broke it
            return "{}"


@dataclass(slots=True)
class PoisonSearch:
    """The state of the search: up to where it goes, in pieces of which size."""

    limit: int = LARGEST_PIECE
    _ends: dict[Input, int] = field(default_factory=dict)
    _narrow: tuple[Input, int] | None = None
    """Where the piece that failed last ends: before it, pieces stay small."""
    _trying: tuple[str, Chunk] | None = None
    _suspect: tuple[str, int, int] | None = None

    @property
    def active(self) -> bool:
        return bool(self._ends)

    def begin(self, read_through: Mapping[Input, int], records: int) -> None:
        """Processing failed with so many records in hand; read: up to where they were read."""
        if not read_through:
            return
        self._ends = {
            place: max(end, self._ends.get(place, end)) for place, end in read_through.items()
        }
        self.limit = max(1, min(LARGEST_PIECE, records // SHRINK))
        self._narrow = self._trying = None

    def trying(self, source: str, piece: Chunk) -> None:
        """This piece alone is in hand."""
        self._trying = (source, piece)

    def passed(self) -> None:
        """What was tried is flushed."""
        if self._trying is None:
            return
        (source, piece), self._trying = self._trying, None
        place = (source, piece.partition)
        if self._narrow is None or (self._narrow[0] == place and piece.next >= self._narrow[1]):
            self._narrow = None
            self.limit = min(LARGEST_PIECE, self.limit * SHRINK)
        if piece.next >= self._ends.get(place, piece.next + 1):
            del self._ends[place]

    def nothing_left(self, source: str, partitions: Sequence[int]) -> None:
        """Nothing more waits in these partitions of an input."""
        for partition in partitions:
            self._ends.pop((source, partition), None)

    def keep(self, offsets: Mapping[Input, int]) -> None:
        """Go on with what is still ahead of these offsets; other partitions belong to others by
        now."""
        self._ends = {
            place: end for place, end in self._ends.items() if offsets.get(place, end) < end
        }

    def failed(self, error: BaseException) -> PoisonRecord | None:
        """The record to be quarantined, if that is certain; else the search goes on in smaller
        pieces."""
        if self._trying is None:
            return None
        (source, piece), self._trying = self._trying, None
        if not len(piece) and not piece.unreadable:
            return None  # nothing is in it that could be to blame
        if len(piece) > 1:
            self._narrow = ((source, piece.partition), piece.next)
            self.limit = max(1, len(piece) // SHRINK)
            return None
        self.limit = 1
        self._narrow = ((source, piece.partition), piece.next)
        place = (source, piece.partition, piece.first)
        if place != self._suspect:
            self._suspect = place
            return None
        self._suspect = None
        return PoisonRecord(
            source=source,
            partition=piece.partition,
            position=piece.position(0) if len(piece) else piece.first,
            next=piece.next,
            value=piece.values[0] if len(piece) else piece.unreadable[0].raw,
            headers=piece.headers[0] if len(piece) and piece.headers is not None else None,
            error=f"{type(error).__name__}: {error}",
        )


def pieces(chunks: Sequence[Chunk], limit: int) -> Iterator[Chunk]:
    """The same records in chunks of at most `limit`; what can't be read is in pieces without
    records."""
    for chunk in chunks:
        if chunk.unreadable:
            yield from _with_unreadable(chunk)
            continue
        for at in range(0, max(1, len(chunk)), limit):
            yield _piece(chunk, at, min(len(chunk), at + limit))


def _with_unreadable(chunk: Chunk) -> Iterator[Chunk]:
    """Record by record: what can't be read stands before the record that follows it."""
    remaining = list(chunk.unreadable)
    for at in range(len(chunk)):
        before = [each for each in remaining if each.first < chunk.position(at)]
        remaining = remaining[len(before) :]
        piece = _piece(chunk, at, at + 1)
        first = before[0].first if before else piece.first
        positions = [piece.first] if before else None
        behind = min(piece.next, remaining[0].first) if remaining else piece.next
        yield replace(piece, unreadable=before, first=first, positions=positions, next=behind)
    if remaining or not len(chunk):
        first = remaining[0].first if remaining else chunk.first
        yield replace(_piece(chunk, len(chunk), len(chunk)), first=first, unreadable=remaining)


def _piece(chunk: Chunk, start: int, end: int) -> Chunk:
    return replace(
        chunk,
        values=chunk.values[start:end],
        headers=None if chunk.headers is None else chunk.headers[start:end],
        first=chunk.position(start) if start < len(chunk) else chunk.first,
        next=chunk.next if end >= len(chunk) else chunk.position(end),
        positions=None if chunk.positions is None else chunk.positions[start:end],
        logged_us=chunk.logged_us[start:end],
        unreadable=(),
    )
