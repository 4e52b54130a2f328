"""The whole archive in the order of time, for the lab: a stream, in bounded memory (the server sorts on disk)."""

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from sqlalchemy import text

from healthsvc.store.engine import AsyncConnection

AT_ONCE: Final = 2_000


class Told(NamedTuple):
    """An archived event and whose it is."""

    customer_id: str
    event: str


async def by_time(conn: AsyncConnection) -> AsyncIterator[list[Told]]:
    """All archived events by occurrence, those of one instant in fold order. One snapshot: later ones aren't in it."""
    found = await conn.stream(
        text("""
            select c.customer_id, a.event from archive a join customers c on c.key = a.customer_key
            order by a.occurred_us, a.partition, a.sequence
        """),
        execution_options={"yield_per": AT_ONCE},
    )
    async for part in found.partitions(AT_ONCE):
        yield [Told(row.customer_id, row.event) for row in part]


async def segments(conn: AsyncConnection) -> dict[str, str]:
    """Segment of each customer whose profile tells one, by id."""
    rows = await conn.execute(
        text("""
            select customer_id, segment from standings
            where projection = (select id from projections where state = 'live') and segment is not null
        """)
    )
    return {r.customer_id: r.segment for r in rows}


async def count(conn: AsyncConnection) -> int:
    """About how many events there are, for telling how far one is: by the tables' statistics, 0 if there are none."""
    found: int = (
        await conn.execute(
            text("""
                select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint from pg_inherits h
                join pg_class c on c.oid = h.inhrelid where h.inhparent = 'archive'::regclass
            """)
        )
    ).scalar_one()
    return found
