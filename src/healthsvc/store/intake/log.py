"""The table log: appended without gaps in the order of commits, read by position, trimmed once
everybody has folded it.

An append locks its partitions' rows of `log_heads`, in order, with its last statement, and holds
them to its commit. So a position exists only after all lower ones are committed, and a reader that
goes by position misses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from healthsvc.core.errors import Fault
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.database.outage import AWAY, cause_of

NOTIFY_CHANNEL = "healthsvc_log"
FAULTS = (
    DBAPIError,
    asyncpg.PostgresError,
    *AWAY,
)  # the database is away, or doesn't do what it is asked
LOCK_SECONDS = 10.0  # how long an append waits for the heads
STALL_SECONDS = (
    5.0  # how long an append may hold them doing nothing, before the server ends its session
)


class UnknownPartition(Fault, LookupError):
    """The log has no such partition."""

    def __init__(self, partitions: set[int]) -> None:
        self.partitions = partitions
        super().__init__(f"the log has no partition {', '.join(map(str, sorted(partitions)))}")


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


# A statement of its own, before the locking one, so that lock_timeout holds when that begins to
# wait.
_TIMEOUTS = text("""
    select set_config('lock_timeout', :lock_ms, true),
           set_config('idle_in_transaction_session_timeout', :stall_ms, true)
""")

# `heads` locks in the order of partitions (the sort lies below the lock) and sees the newest
# committed head, not the snapshot's. `moved` must therefore take its values from it, never from its
# own row.
_APPEND = text("""
    with heads as materialized (
        select partition, head from log_heads
        where partition = any(cast(:touched as integer[])) order by partition for update
    ), moved as (
        update log_heads set head = heads.head + m.entries
        from heads join unnest(cast(:touched as integer[]),
            cast(:counts as integer[])) as m(partition, entries)
             using (partition)
        where log_heads.partition = heads.partition
    ), added as (
        insert into log_entries (partition, position, logged_at, event)
        select partition, heads.head + given.step, clock_timestamp(), given.event
        from unnest(cast(:partitions as integer[]), cast(:steps as integer[]),
            cast(:events as text[]))
             as given(partition, step, event)
        join heads using (partition)
    )
    select partition, head, pg_notify('healthsvc_log', partition::text) from heads
""")


async def append(
    conn: AsyncConnection, entries: Sequence[tuple[int, str]]
) -> list[tuple[int, int]]:
    """Append (partition, event) pairs and return the (partition, position) of each; must be the
    last before the commit.

    From here to the commit this transaction keeps other appenders of its partitions waiting, so the
    server ends the session if it stalls. Raises UnknownPartition.
    """
    if not entries:
        return []
    counts: dict[int, int] = {}
    partitions: list[int] = []
    steps: list[int] = []
    for partition, _ in entries:
        step = counts.get(partition, 0)
        counts[partition] = step + 1
        partitions.append(partition)
        steps.append(step)
    await conn.execute(
        _TIMEOUTS,
        {"lock_ms": f"{LOCK_SECONDS * 1000:.0f}", "stall_ms": f"{STALL_SECONDS * 1000:.0f}"},
    )
    rows = await conn.execute(
        _APPEND,
        {
            "touched": list(counts),
            "counts": list(counts.values()),
            "partitions": partitions,
            "steps": steps,
            "events": [event for _, event in entries],
        },
    )
    heads: dict[int, int] = {row.partition: row.head for row in rows}
    if missing := counts.keys() - heads.keys():
        raise UnknownPartition(missing)
    return [
        (partition, heads[partition] + step)
        for partition, step in zip(partitions, steps, strict=True)
    ]


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


_BLAMES_A_ROW = ("22", "54", "XX")
"""Classes of SQLSTATE that a stored row can cause: its data, its size, and damage within the
database."""


def blames_a_row(error: BaseException) -> bool:
    """Whether a row may be why a page can't be read: PostgreSQL can't hand it over, or the driver
    can't decode it."""
    if isinstance(error, UnicodeError):
        return True
    cause = cause_of(error)
    return isinstance(cause, asyncpg.PostgresError) and str(cause.sqlstate or "").startswith(
        _BLAMES_A_ROW
    )


async def is_there(conn: AsyncConnection, partition: int, position: int) -> bool:
    """Whether an entry has this position; False also where reading it fails."""
    exists = await conn.scalar(
        text(
            "select exists (select from log_entries where partition = :partition and position ="
            " :position)"
        ),
        {"partition": partition, "position": position},
    )
    return bool(exists)


async def raw_event(conn: AsyncConnection, partition: int, position: int) -> bytes:
    """The bytes of an entry's event, as they are stored."""
    raw: bytes | None = await conn.scalar(
        text(
            "select textsend(event) from log_entries where partition = :partition and position ="
            " :position"
        ),
        {"partition": partition, "position": position},
    )
    return raw or b""


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


async def trim(conn: AsyncConnection, *, keep: timedelta, limit: int = 10_000) -> int:
    """Delete entries that every projection in use has folded and that are older than `keep`; return
    how many.

    Looks at the oldest `limit` entries of each partition only, so call it again while it deletes
    that many.
    """
    result = await conn.execute(
        text("""
            with folded as (
                select partition, min(table_offset) as below
                from partitions join projections on projections.id = partitions.projection
                where projections.state <> 'retired' group by partition
            ), old as (
                select page.partition, page.position
                from folded cross join lateral (
                    select partition, position, logged_at from log_entries
                    where partition = folded.partition and position < folded.below order by position
                        limit :limit
                ) as page
                where page.logged_at < clock_timestamp() - cast(:keep as interval)
            )
            delete from log_entries using old
            where log_entries.partition = old.partition and log_entries.position = old.position
        """),
        {"limit": limit, "keep": keep},
    )
    return result.rowcount
