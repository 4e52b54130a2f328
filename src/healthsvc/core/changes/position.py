"""Places in the change feed: for each partition the position of the next change to be read.

Positions of a partition are gapless and in the order of commits, so whatever lies before a place
was committed when the place was handed out: nothing appears behind it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SERVICE: Final = -1
"""The partition of what is about no customer."""
Place = Mapping[int, int]
"""Partition → position; a partition that isn't named is read from its first change on."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What is kept of a partition: positions from `oldest` up to, not including, `head`."""

    oldest: int
    head: int


Extents = Mapping[int, Extent]


@dataclass(frozen=True, slots=True)
class PositionRange:
    """Some changes of one partition: positions from `first` up to, not including, `below`."""

    partition: int
    first: int
    below: int


def beginning(extents: Extents) -> dict[int, int]:
    """The oldest changes that are kept."""
    return {partition: extent.oldest for partition, extent in extents.items()}


def end(extents: Extents) -> dict[int, int]:
    """Behind the newest changes."""
    return {partition: extent.head for partition, extent in extents.items()}


def is_expired(place: Place, extents: Extents) -> bool:
    """Whether changes behind this place are no longer kept."""
    return any(place.get(p, 0) < extent.oldest for p, extent in extents.items())


def is_foreign(place: Place, extents: Extents) -> bool:
    """Whether the place can't have been handed out: it lies beyond what was ever written."""
    unknown = Extent(oldest=0, head=0)
    return any(position > extents.get(p, unknown).head for p, position in place.items())


def is_behind(place: Place, extents: Extents) -> bool:
    """Whether there are changes to be read from this place on."""
    return any(place.get(p, 0) < extent.head for p, extent in extents.items())


def next_spans(place: Place, extents: Extents, at_most: int) -> tuple[PositionRange, ...]:
    """The next changes to be read, about as many of each partition that has some."""
    behind = {p: e.head for p, e in sorted(extents.items()) if place.get(p, 0) < e.head}
    share = -(-at_most // max(1, len(behind)))
    return tuple(
        PositionRange(partition, first, min(first + share, head))
        for partition, head in behind.items()
        for first in (place.get(partition, 0),)
    )
