"""Where the customer summary stands, so that whoever comes back reads only what has changed.

Each row carries the transaction that wrote it last, a position the transactions whose changes could
be read. What a reader hasn't seen was written by any other one, in whatever order they commit.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

_POSITION: Final = text("""
    select (select id from projections where state = 'live') as projection,
        pg_current_snapshot()::text as snapshot
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPosition:
    """A state of the summary of one projection."""

    projection: int
    snapshot: str
    """As PostgreSQL writes it: the oldest transaction that is running, the next one to begin, and
    those between that are running, `oldest:next:running,running`."""


async def position(conn: AsyncConnection) -> SummaryPosition:
    """As it is now; read it before the rows."""
    row = (await conn.execute(_POSITION)).one()
    return SummaryPosition(projection=row.projection or 0, snapshot=row.snapshot)
