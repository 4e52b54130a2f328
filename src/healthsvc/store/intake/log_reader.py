"""Reading the table log, a partition or many at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.intake.log import blames_a_row, is_there, raw_event


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    position: int
    logged_at: datetime
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogColumns:
    """Consecutive entries of one partition, as columns; `logged_us` in microseconds since 1970."""

    first: int
    logged_us: list[int]
    events: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReading:
    """The result of one read of the log: everything committed at `read_at` lies below `heads`."""

    read_at: datetime
    heads: dict[int, int]
    entries: dict[int, LogColumns]  # only partitions that have some


async def read(conn: AsyncConnection, partition: int, offset: int, limit: int) -> list[LogEntry]:
    """Return up to `limit` committed entries of a partition from `offset` on, in order."""
    rows = await conn.execute(
        text(
            "select position, logged_at, event from log_entries"
            " where partition = :partition and position >= :offset order by position limit :limit"
        ),
        {"partition": partition, "offset": offset, "limit": limit},
    )
    return [LogEntry(position=r.position, logged_at=r.logged_at, event=r.event) for r in rows]


# now() is the start of the transaction, so not after the snapshot: what is committed by then is
# seen. Arrays, since a row per entry costs the driver and SQLAlchemy more than the rest together.
_READ_ALL = text("""
    select wanted.partition, now() as read_at, coalesce(log_heads.head, 0) as head,
           entries.first, entries.positions, entries.logged_us, entries.events
    from unnest(cast(:partitions as integer[]), cast(:offsets as bigint[]),
        cast(:limits as integer[]))
         as wanted(partition, from_position, at_most)
    left join log_heads on log_heads.partition = wanted.partition
    left join lateral (
        select min(position) as first, count(*) as positions,
               array_agg((extract(epoch from logged_at) * 1000000)::bigint
                   order by position) as logged_us,
               array_agg(event order by position) as events
        from (
            select position, logged_at, event from log_entries
            where partition = wanted.partition and position >= wanted.from_position
            order by position limit wanted.at_most
        ) as page
    ) as entries on true
""")


async def read_all(
    conn: AsyncConnection, offsets: Mapping[int, int], limits: Mapping[int, int]
) -> LogReading:
    """Return, in one query, up to `limits[partition]` entries of each partition from
    `offsets[partition]` on.

    `read_at` is the instant at which the transaction began; in autocommit, the query.
    """
    partitions = sorted(offsets)
    rows = (
        await conn.execute(
            _READ_ALL,
            {
                "partitions": partitions,
                "offsets": [offsets[p] for p in partitions],
                "limits": [limits[p] for p in partitions],
            },
        )
    ).all()
    return LogReading(
        read_at=rows[0].read_at,
        heads={row.partition: row.head for row in rows},
        entries={
            row.partition: LogColumns(first=row.first, logged_us=row.logged_us, events=row.events)
            for row in rows
            if row.positions
        },
    )


class LogReader:
    """A connection kept for reading, in autocommit: a read is one round trip. Made anew after any
    error."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._conn: AsyncConnection | None = None

    async def read_all(self, offsets: Mapping[int, int], limits: Mapping[int, int]) -> LogReading:
        """Raises one of FAULTS."""
        try:
            return await read_all(await self._connected(), offsets, limits)
        except BaseException:
            await self._drop()
            raise

    async def is_there(self, partition: int, position: int) -> bool:
        """Whether an entry has this position; it is where even that can't be told for its sake.
        Raises outages."""
        try:
            return await is_there(await self._connected(), partition, position)
        except BaseException as error:
            await self._drop()
            if blames_a_row(error):
                return True
            raise

    async def raw_event(self, partition: int, position: int) -> bytes:
        """The bytes of an entry's event; none where they can't be had. Raises outages."""
        try:
            return await raw_event(await self._connected(), partition, position)
        except BaseException as error:
            await self._drop()
            if blames_a_row(error):
                return b""
            raise

    async def _connected(self) -> AsyncConnection:
        if self._conn is None:
            self._conn = await self._engine.connect()
        return self._conn

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.invalidate()
            await conn.close()

    async def close(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()
