"""What a builder does to the projection that it builds: claims it, owns its partitions, follows the
live one.

Its rows of `partitions` hold in `applied` how far it has folded the archive; a builder owns all of
them, by epoch, so that a former builder's transaction finds no row to change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing.partition_leases import OWNERSHIP, ownerships
from healthsvc.store.processing.partitions import Ownership
from healthsvc.store.projections.publications import adopt_partitions

LOCK_SECONDS = 10.0


async def claim(conn: AsyncConnection, projection: int, builder: str, lease_seconds: float) -> bool:
    """Take or keep the right to build; False while another builder has it, or when there is nothing
    to build."""
    claimed = await conn.execute(
        text("""
            update projections
            set builder = :builder,
                builder_until = clock_timestamp() + make_interval(secs => :lease)
            where id = :id and state = 'building'
              and (builder is null or builder = :builder or builder_until < clock_timestamp())
            returning id
        """),
        {"id": projection, "builder": builder, "lease": lease_seconds},
    )
    return claimed.first() is not None


async def leave(conn: AsyncConnection, projection: int, builder: str) -> None:
    """Let another builder go on at once."""
    await conn.execute(
        text(
            "update projections set builder = null, builder_until = null where id = :id and builder"
            " = :builder"
        ),
        {"id": projection, "builder": builder},
    )


async def enter(conn: AsyncConnection, projection: int, phase: str) -> None:
    """Say what the building is at."""
    await conn.execute(
        text("update projections set phase = :phase where id = :id and state = 'building'"),
        {"id": projection, "phase": phase},
    )


async def take(conn: AsyncConnection, projection: int, owner: str) -> dict[int, Ownership]:
    """Own all partitions of a projection that is being built, in a new epoch: a former builder is
    fenced.

    Its offsets become the live one's, so that the log may be trimmed up to there.
    """
    await adopt_partitions(conn, projection)
    await conn.execute(
        text("""
            update partitions n set table_offset = o.table_offset, kafka_offset = o.kafka_offset
            from partitions o join projections j on j.id = o.projection and j.state = 'live'
            where n.projection = :id and n.partition = o.partition
        """),
        {"id": projection},
    )
    rows = await conn.execute(
        text(f"""
            update partitions set owner = :owner, epoch = epoch + 1 where projection = :id
                and partition in (
                select partition from partitions where projection = :id order by partition
                    for update
            )
            returning {OWNERSHIP}
        """),
        {"id": projection, "owner": owner},
    )
    return ownerships(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far the live projection has counted a partition, and up to when it has read everything
    logged."""

    applied: int
    read_through_at: datetime | None


async def reached(conn: AsyncConnection, live: int, *, lock: bool = False) -> dict[int, Reached]:
    """By partition; locked, no flush commits until the end of the transaction (waits for one in
    flight)."""
    if lock:
        await conn.execute(
            text("select set_config('lock_timeout', :ms, true)"),
            {"ms": f"{LOCK_SECONDS * 1000:.0f}"},
        )
    rows = await conn.execute(
        text(
            "select partition, applied, read_through_at from partitions where projection = :id"
            " order by partition" + (" for update" if lock else "")
        ),
        {"id": live},
    )
    return {
        r.partition: Reached(applied=r.applied, read_through_at=r.read_through_at) for r in rows
    }


async def decisions(
    conn: AsyncConnection, projection: int, keys: Sequence[int]
) -> dict[int, bytes]:
    """The packed memory of decisions, by customer_key."""
    rows = await conn.execute(
        text(
            "select customer_key, decision from states where projection = :id and customer_key ="
            " any(:keys)"
        ),
        {"id": projection, "keys": list(keys)},
    )
    return {r.customer_key: bytes(r.decision) for r in rows}


async def customers(conn: AsyncConnection, projection: int, after: int, limit: int) -> list[int]:
    """Keys of customers with a state, ascending."""
    rows = await conn.execute(
        text(
            "select customer_key from states where projection = :id and customer_key > :after"
            " order by customer_key limit :limit"
        ),
        {"id": projection, "after": after, "limit": limit},
    )
    return list(rows.scalars())


async def overtaken(
    conn: AsyncConnection, projection: int, live: int, as_of: dict[int, datetime], limit: int
) -> list[int]:
    """Customers whose timer has come since they were decided here, while the live projection has
    none that is due."""
    rows = await conn.execute(
        text("""
            select t.customer_key from timers t
            join unnest(cast(:partitions as integer[]), cast(:as_of as timestamptz[])) a(partition,
                as_of)
                on a.partition = t.partition
            where t.projection = :id and t.due_at <= a.as_of and not exists (
                select from timers o
                where o.projection = :live and o.customer_key = t.customer_key
                    and o.due_at <= a.as_of
            ) limit :limit
        """),
        {
            "id": projection,
            "live": live,
            "partitions": list(as_of),
            "as_of": list(as_of.values()),
            "limit": limit,
        },
    )
    return list(rows.scalars())
