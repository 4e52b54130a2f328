"""The archive in the order of time, for the lab: a stream, in bounded memory (the server sorts on
disk)."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

AT_ONCE: Final = 2_000


class ExportedEvent(NamedTuple):
    """An archived event and whose it is."""

    customer_id: str
    event: str


async def by_time(conn: AsyncConnection) -> AsyncIterator[list[ExportedEvent]]:
    """All archived events by occurrence, those of one instant in fold order. One snapshot: later
    ones aren't in it."""
    stream = await conn.stream(
        text("""
            select c.customer_id, a.event from archive a join customers c on c.key = a.customer_key
            order by a.occurred_us, a.partition, a.sequence
        """),
        execution_options={"yield_per": AT_ONCE},
    )
    async for part in stream.partitions(AT_ONCE):
        yield [ExportedEvent(row.customer_id, row.event) for row in part]


class CustomerBlock(NamedTuple):
    """Some customers: ids and keys, keys ascending."""

    ids: Sequence[str]
    keys: Sequence[int]


class ArchivedEvents(NamedTuple):
    """Archived events: whose, when each became known, its place in the fold order, and what."""

    keys: Sequence[int]
    known_us: Sequence[int]
    partitions: Sequence[int]
    sequences: Sequence[int]
    events: Sequence[str]


_COUNTED: Final = "coalesce(counted_at, logged_on::timestamp at time zone 'UTC')"
_COUNTED_US: Final = f"(extract(epoch from {_COUNTED}) * 1000000)::bigint"
"""Events that were archived before the instants were kept count as counted at the beginning of
their day."""


async def customers(conn: AsyncConnection, after: int, limit: int) -> CustomerBlock:
    """The next customers by key."""
    rows = await conn.execute(
        text("select customer_id, key from customers where key > :after order by key limit :limit"),
        {"after": after, "limit": limit},
    )
    customer_rows = rows.all()
    return CustomerBlock([r.customer_id for r in customer_rows], [r.key for r in customer_rows])


async def events_known_by(
    conn: AsyncConnection, block: CustomerBlock, until_us: int, *, by_counting: bool
) -> AsyncIterator[ArchivedEvents]:
    """All that was known of a block of customers by an instant, in the order in which it became
    known: when it was counted, in fold order, else when it happened."""
    known_us = _COUNTED_US if by_counting else "occurred_us"
    stream = await conn.stream(
        text(f"""
            select customer_key, {known_us} as known_us, partition, sequence, event from archive
            where customer_key between :first and :last and {known_us} <= :until
            order by 2, partition, sequence
        """),
        {"first": block.keys[0], "last": block.keys[-1], "until": until_us},
        execution_options={"yield_per": AT_ONCE},
    )
    async for part in stream.partitions(AT_ONCE):
        yield ArchivedEvents(*zip(*part, strict=True))


async def share_counted_late(
    conn: AsyncConnection, until_us: int, late_us: int, events: int
) -> float | None:
    """Of a sample of about so many events that were counted by an instant, the share that was
    counted longer than that after it happened; None where there is none."""
    percent = min(100.0, 100.0 * events / max(await count(conn), 1))
    share: float | None = await conn.scalar(
        text(f"""
            select (avg(case when {_COUNTED_US} - occurred_us > :late then 1 else 0 end))::float8
            from archive tablesample system (:percent) repeatable (1) where {_COUNTED_US} <= :until
        """),
        {"late": late_us, "percent": percent, "until": until_us},
    )
    return share


async def segments(conn: AsyncConnection) -> dict[str, str]:
    """Segment of each customer whose profile has one, by id."""
    rows = await conn.execute(
        text("""
            select customer_id, segment from standings
            where projection = (select id from projections where state = 'live')
                and segment is not null
        """)
    )
    return {r.customer_id: r.segment for r in rows}


async def count(conn: AsyncConnection) -> int:
    """About how many events there are, for telling how far one is: by the tables' statistics, 0 if
    there are none."""
    total: int = (
        await conn.execute(
            text("""
                select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint from pg_inherits h
                join pg_class c on c.oid = h.inhrelid where h.inhparent = 'archive'::regclass
            """)
        )
    ).scalar_one()
    return total
