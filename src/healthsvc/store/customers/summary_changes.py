"""Where the customer summary stands, so that whoever comes back reads only what has changed.

Each row carries the transaction that wrote it last. All transactions below the oldest one that is
still running are over, and what they wrote can be read; so what a reader hasn't seen was written by
that one or a later one, in whatever order they commit.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

_POSITION: Final = text("""
    select (select id from projections where state = 'live') as projection,
        pg_snapshot_xmin(pg_current_snapshot())::text as oldest,
        pg_snapshot_xmax(pg_current_snapshot())::text as next
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPosition:
    """A state of the summary of one projection."""

    projection: int
    oldest: int
    """The oldest transaction that is still running, or the next one."""
    next: int
    """The next transaction to begin."""


async def position(conn: AsyncConnection) -> SummaryPosition:
    """As it is now; read it before the rows."""
    row = (await conn.execute(_POSITION)).one()
    return SummaryPosition(
        projection=row.projection or 0, oldest=int(row.oldest), next=int(row.next)
    )
