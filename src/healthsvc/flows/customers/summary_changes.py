"""Cursors of what has changed in the list of customers."""

from dataclasses import dataclass
from typing import Final

from healthsvc.store.customers import summary_changes
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.cursors import Cursor, CursorError, binding, decode, encode

BINDING: Final = binding("changes of customers", {})
_SHAPE: Final = (int, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryChanges:
    """What is to be read, and where to go on the next time."""

    changed_from: str | None
    """The first transaction whose changes are to be read; None: everything."""
    next_cursor: str


async def since(engine: AsyncEngine, cursor: str | None) -> SummaryChanges:
    """What has changed since a cursor was handed out; what was being written then may come again.
    After another projection has taken over, everything has changed. Raises CursorError.

    To be called before the rows are read, so that nothing lies between them and `next_cursor`.
    """
    async with engine.connect() as conn:
        now = await summary_changes.position(conn)
    next_cursor = encode(Cursor(keys=(now.projection, now.oldest)), BINDING)
    if cursor is None:
        return SummaryChanges(changed_from=None, next_cursor=next_cursor)
    projection, oldest = _place(cursor)
    if projection != now.projection:
        return SummaryChanges(changed_from=None, next_cursor=next_cursor)
    if oldest > now.next:  # handed out by a database that this one isn't a copy of
        raise CursorError
    return SummaryChanges(changed_from=str(oldest), next_cursor=next_cursor)


def _place(cursor: str) -> tuple[int, int]:
    projection, oldest = decode(cursor, BINDING, _SHAPE).keys
    if not isinstance(projection, int) or not isinstance(oldest, int) or oldest < 0:
        raise CursorError
    return projection, oldest
