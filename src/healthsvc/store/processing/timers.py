"""Timers: for each customer at most one instant at which its owner decides it again."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from healthsvc.store.database.copying import Block, begin, copy, even_block, fixed, instants
from healthsvc.store.database.engine import AsyncConnection

COLUMNS = ("projection", "customer_key", "partition", "due_at")
_INCOMING = text(
    "create temporary table if not exists incoming_timers (like timers) on commit delete rows"
)
_MERGE = text("""
    insert into timers (projection, customer_key, partition, due_at)
    select projection, customer_key, partition, due_at from incoming_timers
    on conflict (projection, customer_key) do update set due_at = excluded.due_at,
        partition = excluded.partition
""")


def rows(
    projection: int,
    keys: NDArray[np.int64],
    partitions: NDArray[np.int32],
    due_us: NDArray[np.int64],
) -> Block:
    """Encode timers, one entry a customer in each."""
    return even_block(
        fixed(len(keys), projection, keys, partitions, instants(due_us), lead=begin(len(COLUMNS)))
    )


async def write(conn: AsyncConnection, timers: Block) -> None:
    """Set the timers that `rows` encoded. A transaction must have begun."""
    if timers:
        await conn.execute(_INCOMING)
        await copy(conn, "incoming_timers", COLUMNS, timers)
        await conn.execute(_MERGE)


async def delete(conn: AsyncConnection, projection: int, keys: Sequence[int]) -> None:
    if keys:
        await conn.execute(
            text("delete from timers where projection = :projection and customer_key = any(:keys)"),
            {"projection": projection, "keys": list(keys)},
        )


async def postpone(
    conn: AsyncConnection, projection: int, owner: str, key: int, due_at: datetime
) -> str | None:
    """Put a customer's timer off, if the partition is still the owner's; answers the customer's
    id."""
    customer_id: str | None = await conn.scalar(
        text("""
            with postponed as (
                update timers set due_at = :due_at
                from partitions p
                where timers.projection = :projection and timers.customer_key = :key
                    and p.projection = :projection
                    and p.partition = timers.partition and p.owner = :owner
                returning timers.customer_key
            )
            select c.customer_id from postponed join customers c on c.key = postponed.customer_key
        """),
        {"projection": projection, "owner": owner, "key": key, "due_at": due_at},
    )
    return customer_id


async def due(
    conn: AsyncConnection, projection: int, as_of: dict[int, datetime], limit: int
) -> list[int]:
    """Keys of customers whose timer is due in their partition's as-of instant, the longest due
    first."""
    rows = await conn.execute(
        text("""
            select t.customer_key
            from unnest(cast(:partitions as integer[]), cast(:as_of as timestamptz[])) a(partition,
                as_of)
            cross join lateral (
                select customer_key, due_at from timers
                where projection = :projection and partition = a.partition and due_at <= a.as_of
                    order by due_at
                limit :limit
            ) t order by t.due_at limit :limit
        """),
        {
            "projection": projection,
            "partitions": list(as_of),
            "as_of": list(as_of.values()),
            "limit": limit,
        },
    )
    return list(rows.scalars())


async def earliest(
    conn: AsyncConnection, projection: int, partitions: Sequence[int]
) -> datetime | None:
    """The next instant at which a timer of these partitions is due."""
    due_at: datetime | None = await conn.scalar(
        text("""
            select min(t.due_at) from unnest(cast(:partitions as integer[])) p(partition)
            cross join lateral (
                select due_at from timers where projection = :projection and partition = p.partition
                    order by due_at
                limit 1
            ) t
        """),
        {"projection": projection, "partitions": list(partitions)},
    )
    return due_at
