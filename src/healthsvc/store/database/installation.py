"""Which installation a database is, and how wide its log."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from healthsvc.core.errors import NotInstalled
from healthsvc.store.database.engine import AsyncConnection


class NotInstalledError(NotInstalled):
    """The database has no healthsvc log yet: run `healthsvc migrate`, or start the service once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    identity: str  # another one in a database made anew
    partitions: int


async def read(conn: AsyncConnection) -> Installation:
    """Return what is installed; raises NotInstalledError before the first migration and start."""
    try:
        row = (
            await conn.execute(
                text(
                    "select (select count(*) from log_heads) as partitions,"
                    " (select extract(epoch from min(created_at))::text from projections) as born"
                )
            )
        ).one()
    except ProgrammingError as error:
        raise NotInstalledError from error
    if not row.partitions or row.born is None:
        raise NotInstalledError
    return Installation(identity=row.born, partitions=row.partitions)


async def waiting(conn: AsyncConnection) -> int:
    """Return how many entries of the table log the live projection hasn't folded yet."""
    count = await conn.scalar(
        text(
            "select sum(h.head - p.table_offset) from partitions p join log_heads h using"
            " (partition) join projections j on j.id = p.projection where j.state = 'live'"
        )
    )
    return int(count or 0)
