"""Reads the change feed: from a place on, as far as was committed when it was asked, what a filter
lets through."""

import heapq
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from healthsvc.core.changes import position
from healthsvc.core.changes.filter import ChangeFilter, CustomerFacts
from healthsvc.core.changes.position import Extents, Place, PositionRange
from healthsvc.core.errors import InvalidInput
from healthsvc.store.changes.change_reads import StoredChange
from healthsvc.wire.cursors import CursorError
from healthsvc.wire.webhooks import changes as bodies
from healthsvc.wire.webhooks.changes import ChangeFacts

SCANNED_AT_ONCE: Final = 500
MOST_SCANNED: Final = 5_000
"""Changes that one page looks at; where a filter lets few of them through, the page is short and
says that there is more."""


class CursorExpired(InvalidInput, LookupError):
    """Changes behind the cursor are no longer kept. `present` is the end of the feed."""

    def __init__(self, present: Place) -> None:
        self.present = present
        super().__init__()


class ReadChange:
    """A change in memory, decoded and rendered once, when that is first needed."""

    def __init__(self, stored: StoredChange) -> None:
        self.stored = stored

    @cached_property
    def item(self) -> bytes:
        """JSON, as the feed shows it."""
        return bodies.item(self._facts, self._decoded[0])

    def passes(self, which: ChangeFilter) -> bool:
        """Whether the filter lets it through."""
        if which.types and self.stored.type not in which.types:
            return False
        return not which.is_about_customers or which.allows(self.stored.type, self._decoded[1])

    @cached_property
    def _facts(self) -> ChangeFacts:
        stored = self.stored
        return ChangeFacts(
            type=stored.type,
            customer_key=stored.customer_key,
            customer_id=stored.customer_id,
            sequence=stored.sequence,
            at=stored.at,
            facts=stored.facts,
        )

    @cached_property
    def _decoded(self) -> tuple[dict[str, Any], CustomerFacts | None]:
        return bodies.decode(self._facts)


ReadSpans = Callable[[tuple[PositionRange, ...]], Awaitable[Sequence[ReadChange]]]
"""Reads the changes of some spans, by partition and position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Changes in the order of the feed, and the place behind them and all that were left out."""

    changes: list[ReadChange]
    place: dict[int, int]
    has_more: bool
    """Whether more was committed already."""


def check(place: Place, extents: Extents) -> None:
    """Raises CursorExpired, and CursorError for a place that this feed never handed out."""
    if position.is_foreign(place, extents):
        raise CursorError
    if position.is_expired(place, extents):
        raise CursorExpired(position.end(extents))


async def read(
    read_spans: ReadSpans, place: Place, extents: Extents, which: ChangeFilter, limit: int
) -> FeedPage:
    """The next changes from a place on. Raises CursorExpired, CursorError."""
    check(place, extents)
    reached, changes, scanned = dict(place), list[ReadChange](), 0
    everything = not which.types and not which.is_about_customers
    while len(changes) < limit and scanned < MOST_SCANNED:
        at_once = limit - len(changes) if everything else SCANNED_AT_ONCE
        spans = position.next_spans(reached, extents, at_once)
        if not spans:
            break
        scanned += sum(span.below - span.first for span in spans)
        await _read_spans(read_spans, spans, which, limit, changes, reached)
    return FeedPage(changes=changes, place=reached, has_more=position.is_behind(reached, extents))


async def _read_spans(
    read_spans: ReadSpans,
    spans: tuple[PositionRange, ...],
    which: ChangeFilter,
    limit: int,
    changes: list[ReadChange],
    reached: dict[int, int],
) -> None:
    """Add the changes of these spans up to the limit, and move the place."""
    for change in _in_order(await read_spans(spans)):
        if len(changes) == limit:
            return
        reached[change.stored.partition] = change.stored.position + 1
        if change.passes(which):
            changes.append(change)
    for span in spans:  # what was erased leaves a gap at the end, too
        reached[span.partition] = span.below


def _in_order(changes: Sequence[ReadChange]) -> Iterator[ReadChange]:
    """About as they were recorded; those of a partition by position."""
    by_partition = groupby(changes, key=attrgetter("stored.partition"))
    return heapq.merge(
        *[list(group) for _, group in by_partition], key=attrgetter("stored.recorded_at")
    )
