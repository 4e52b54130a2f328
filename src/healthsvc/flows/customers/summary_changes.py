"""Cursors of what has changed in the list of customers."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from healthsvc.store.customers import summary_changes
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.cursors import Cursor, CursorError, binding, decode, encode

BINDING: Final = binding("changes of customers", {})
LONGEST_SNAPSHOT: Final = 1000
_SHAPE: Final = (int, str)
_SNAPSHOT: Final = re.compile(r"(\d{1,18}):(\d{1,18}):((?:\d{1,18}(?:,\d{1,18})*)?)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryChanges:
    """What is to be read, and where to go on the next time."""

    not_in: str | None
    """The snapshot whose changes needn't be read; None: everything is to be read."""
    next_cursor: str


async def since(engine: AsyncEngine, cursor: str | None) -> SummaryChanges:
    """What has changed since a cursor was handed out. After another projection has taken over,
    everything has. Raises CursorError.

    To be called before the rows are read, so that nothing lies between them and `next_cursor`; what
    is committed meanwhile comes again.
    """
    async with engine.connect() as conn:
        now = await summary_changes.position(conn)
    next_cursor = encode(Cursor(keys=(now.projection, shortened(now.snapshot))), BINDING)
    if cursor is None:
        return SummaryChanges(not_in=None, next_cursor=next_cursor)
    projection, snapshot = decode(cursor, BINDING, _SHAPE).keys
    oldest = _oldest(str(snapshot))
    if projection != now.projection:
        return SummaryChanges(not_in=None, next_cursor=next_cursor)
    if oldest > int(now.snapshot.split(":")[1]):  # from a database that this one isn't a copy of
        raise CursorError
    return SummaryChanges(not_in=str(snapshot), next_cursor=next_cursor)


def shortened(snapshot: str) -> str:
    """A snapshot that fits into a cursor: where very many transactions are running, the changes of
    all since the oldest of them come again."""
    if len(snapshot) <= LONGEST_SNAPSHOT:
        return snapshot
    oldest = snapshot.partition(":")[0]
    return f"{oldest}:{oldest}:"


def _oldest(snapshot: str) -> int:
    """The oldest running transaction of a snapshot. Raises CursorError where PostgreSQL couldn't
    read it."""
    match = _SNAPSHOT.fullmatch(snapshot)
    if match is None:
        raise CursorError
    oldest, following = int(match[1]), int(match[2])
    running = [int(each) for each in match[3].split(",") if each]
    ordered = all(one < other for one, other in pairwise(running))
    within = all(oldest <= each < following for each in running)
    if not (1 <= oldest <= following and ordered and within):
        raise CursorError
    return oldest
