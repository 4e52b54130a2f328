"""The table log: appended without gaps in the order of commits, read by position, trimmed once
everybody has folded it.

An append locks its partitions' rows of `log_heads`, in order, with its last statement, and holds
them to its commit. So a position exists only after all lower ones are committed, and a reader that
goes by position misses nothing.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from healthsvc.core.errors import InternalFault
from healthsvc.store.database.engine import AsyncConnection, raw
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

_LIMITED: Final = "healthsvc.lock_timeout"


class UnknownPartition(InternalFault, LookupError):
    """The log has no such partition."""

    def __init__(self, partitions: set[int]) -> None:
        self.partitions = partitions
        super().__init__(f"the log has no partition {', '.join(map(str, sorted(partitions)))}")


# A statement of its own, before the locking one, so that lock_timeout holds when that begins to
# wait.
_TIMEOUTS = text("""
    select set_config('lock_timeout', :lock_ms, true),
           set_config('idle_in_transaction_session_timeout', :stall_ms, true)
""")

# `heads` locks in the order of partitions (the sort lies below the lock) and sees the newest
# committed head, not the snapshot's. `moved` must therefore take its values from it, never from its
# own row.
_APPEND_FORM: Final = """
    with heads as materialized (
        select partition, head from log_heads
        where partition = any(cast({touched} as integer[])) order by partition for update
    ), moved as (
        update log_heads set head = heads.head + m.entries
        from heads join unnest(cast({touched} as integer[]),
            cast({counts} as integer[])) as m(partition, entries)
             using (partition)
        where log_heads.partition = heads.partition
    ), added as (
        insert into log_entries (partition, position, logged_at, event)
        select partition, heads.head + given.step, clock_timestamp(), given.event
        from unnest(cast({partitions} as integer[]), cast({steps} as integer[]),
            cast({events} as text[]))
             as given(partition, step, event)
        join heads using (partition)
    )
    select partition, head, pg_notify('healthsvc_log', partition::text) from heads
"""
_PARAMETERS: Final = ("touched", "counts", "partitions", "steps", "events")
_APPEND: Final = text(_APPEND_FORM.format(**{name: f":{name}" for name in _PARAMETERS}))
_APPEND_ALONE: Final = _APPEND_FORM.format(
    **{name: f"${number}" for number, name in enumerate(_PARAMETERS, 1)}
)


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
    await conn.execute(
        _TIMEOUTS,
        {"lock_ms": f"{LOCK_SECONDS * 1000:.0f}", "stall_ms": f"{STALL_SECONDS * 1000:.0f}"},
    )
    to_append = _columns(entries)
    rows = await conn.execute(_APPEND, dict(zip(_PARAMETERS, to_append, strict=True)))
    return _positions(to_append, [(row.partition, row.head) for row in rows])


async def append_alone(
    conn: AsyncConnection, entries: Sequence[tuple[int, str]]
) -> list[tuple[int, int]]:
    """The same on an autocommit connection: a transaction of one statement and one round trip,
    which the server ends even if we are stopped amid it. Its session keeps the time limit for
    locks."""
    if not entries:
        return []
    driver = await raw(conn)
    pooled = await conn.get_raw_connection()
    if not pooled.info.get(_LIMITED):
        await driver.execute(f"set lock_timeout = {LOCK_SECONDS * 1000:.0f}")
        pooled.info[_LIMITED] = True
    to_append = _columns(entries)
    rows = await driver.fetch(_APPEND_ALONE, *to_append)
    return _positions(to_append, [(row[0], row[1]) for row in rows])


class _Columns(NamedTuple):
    """What is to be appended; as `_PARAMETERS`."""

    touched: list[int]
    counts: list[int]
    partitions: list[int]
    steps: list[int]
    events: list[str]


def _columns(entries: Sequence[tuple[int, str]]) -> _Columns:
    counts: dict[int, int] = {}
    partitions: list[int] = []
    steps: list[int] = []
    for partition, _ in entries:
        step = counts.get(partition, 0)
        counts[partition] = step + 1
        partitions.append(partition)
        steps.append(step)
    events = [event for _, event in entries]
    return _Columns(list(counts), list(counts.values()), partitions, steps, events)


def _positions(appended: _Columns, rows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    heads = dict(rows)
    if missing := set(appended.touched) - heads.keys():
        raise UnknownPartition(missing)
    return [
        (partition, heads[partition] + step)
        for partition, step in zip(appended.partitions, appended.steps, strict=True)
    ]


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
