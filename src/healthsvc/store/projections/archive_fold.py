"""The archive in the order in which it was folded: what a projection is built from.

The archive's own index is by customer. While a projection is being built each day gets a second
one, by place in the fold order, made without keeping writers out and dropped afterwards: no event
pays for it at other times.
"""

from typing import NamedTuple

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection, AsyncEngine

_DAYS = text("""
    select c.relname as day, i.indexrelid is not null as indexed, coalesce(i.indisvalid,
        false) as valid
    from pg_inherits h join pg_class c on c.oid = h.inhrelid
    left join pg_class x on x.relname = c.relname || '_fold' and x.relnamespace = c.relnamespace
    left join pg_index i on i.indexrelid = x.oid
    where h.inhparent = 'archive'::regclass order by c.relname
""")


async def index_days(engine: AsyncEngine) -> None:
    """Give each day its index by fold order; days that have it stay as they are."""
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with autocommit.connect() as conn:
        for day in (await conn.execute(_DAYS)).all():
            if day.indexed and not day.valid:  # the making of it was interrupted
                await conn.execute(text(f"drop index if exists {day.day}_fold"))
            if not day.valid:
                await conn.execute(
                    text(
                        f"create index concurrently if not exists {day.day}_fold on {day.day}"
                        " (partition, sequence)"
                    )
                )


async def drop_indexes(engine: AsyncEngine) -> None:
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with autocommit.connect() as conn:
        for day in (await conn.execute(_DAYS)).all():
            if day.indexed:
                await conn.execute(text(f"drop index concurrently if exists {day.day}_fold"))


class Counted(NamedTuple):
    """An archived event and its place in its partition's fold order."""

    sequence: int
    event: str


async def page(
    conn: AsyncConnection, partition: int, first: int, below: int, limit: int
) -> list[Counted]:
    """Up to `limit` events of a partition from place `first` on, in fold order."""
    rows = await conn.execute(
        text("""
            select sequence, event from archive
            where partition = :partition and sequence >= :first and sequence < :below
                order by sequence limit :limit
        """),
        {"partition": partition, "first": first, "below": below, "limit": limit},
    )
    return [Counted(r.sequence, r.event) for r in rows]


async def oldest(conn: AsyncConnection) -> dict[int, int]:
    """The first place that each partition's archive still has; partitions without any are missing.
    Reads all of it."""
    rows = await conn.execute(
        text("select partition, min(sequence) as first from archive group by partition")
    )
    return {r.partition: r.first for r in rows}
