"""Changes, read by position; and dropped once they are past their time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import text

from healthsvc.core.changes.position import Extent, PositionRange
from healthsvc.store.database.engine import AsyncConnection


class StoredChange(NamedTuple):
    """A change as it was recorded."""

    partition: int
    position: int
    recorded_at: datetime
    customer_key: int
    customer_id: str | None
    sequence: int
    type: str
    at: datetime
    facts: str


async def extents(conn: AsyncConnection) -> dict[int, Extent]:
    """What is kept of each partition that ever had a change."""
    rows = await conn.execute(text("select partition, oldest, head from change_heads"))
    return {row.partition: Extent(row.oldest, row.head) for row in rows}


_SPANS: Final = text("""
    select c.partition, c.position, c.recorded_at, c.customer_key, k.customer_id, c.sequence,
        c.type, c.at, c.facts
    from unnest(
        cast(:partitions as integer[]), cast(:firsts as bigint[]), cast(:belows as bigint[])
    ) as s(partition, first, below)
    join changes c on c.partition = s.partition and c.position >= s.first and c.position < s.below
    left join customers k on k.key = c.customer_key
    order by c.partition, c.position
""")


async def within(conn: AsyncConnection, spans: Sequence[PositionRange]) -> list[StoredChange]:
    """The changes in these spans, by partition and position."""
    rows = await conn.execute(
        _SPANS,
        {
            "partitions": [span.partition for span in spans],
            "firsts": [span.first for span in spans],
            "belows": [span.below for span in spans],
        },
    )
    return [StoredChange(*row) for row in rows]


_DROP: Final = text("""
    with page as (
        select position, recorded_at < clock_timestamp() - cast(:keep as interval) as is_old
        from changes where partition = :partition order by position limit :limit
    ), edge as (
        select coalesce(min(position) filter (where not is_old), max(position) + 1) as position
        from page
    ), dropped as (
        delete from changes c using edge e
        where c.partition = :partition and c.position < e.position returning 1
    ), moved as (
        update change_heads h set oldest = greatest(h.oldest, e.position)
        from edge e where h.partition = :partition and exists (select from dropped)
    )
    select count(*) from dropped
""")


async def drop_before(conn: AsyncConnection, partition: int, *, keep: timedelta, limit: int) -> int:
    """Drop changes of a partition that were recorded longer ago, the oldest first, with the place
    from which on they are kept; answers how many."""
    dropped = await conn.execute(_DROP, {"partition": partition, "keep": keep, "limit": limit})
    return int(dropped.scalar_one())
