"""Rows that say who reads which partition, and how far: leases, epochs, offsets. Clocks here are
the database's.

Whoever holds a lease acts as (projection, owner). The epoch grows with each taking, so a former
owner's flush finds no row to change. A row that a flush holds locked is skipped by takers: it is
alive, whatever its lease says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.core.errors import OwnershipLost
from healthsvc.store.database.engine import AsyncConnection

FLUSHED_CHANNEL = "healthsvc_flushed"
# How long a flush may hold its partitions doing nothing before the server ends its session.
STALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """One taking of a partition, and where to go on reading."""

    epoch: int
    table_offset: int
    kafka_offset: int  # -1: never read
    applied: int
    read_through_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One partition's step in a flush: from the stored position that its owner expects to the new
    one."""

    partition: int
    epoch: int
    table_from: int
    table_to: int
    kafka_from: int
    kafka_to: int
    applied_from: int
    applied_to: int
    read_through_at: datetime | None = None  # None: as it was


class Fenced(OwnershipLost):
    """Another worker owns these partitions, or has moved their offsets: this flush must not be
    committed."""

    def __init__(self, partitions: set[int]) -> None:
        self.partitions = partitions
        super().__init__(
            f"fenced: partition {', '.join(map(str, sorted(partitions)))} isn't ours as we believed"
        )


# A stopped process would keep its partitions for ever: idle in its transaction, or in the middle of
# sending rows (which only transaction_timeout ends, 17 and later). Evaluated per row, harmless.
_COMPARE_AND_SET = text("""
    update partitions p
    set table_offset = m.table_to, kafka_offset = m.kafka_to, applied = m.applied_to,
        read_through_at = greatest(p.read_through_at, m.read_through_at)
    from unnest(
        cast(:partitions as integer[]), cast(:epochs as bigint[]),
        cast(:table_from as bigint[]), cast(:table_to as bigint[]),
        cast(:kafka_from as bigint[]), cast(:kafka_to as bigint[]),
        cast(:applied_from as bigint[]), cast(:applied_to as bigint[]),
            cast(:read_through as timestamptz[])
    ) as m(partition, epoch, table_from, table_to, kafka_from, kafka_to, applied_from, applied_to,
        read_through_at)
    where p.projection = :projection and p.partition = m.partition and p.owner = :owner
        and p.epoch = m.epoch
      and p.table_offset = m.table_from and p.kafka_offset = m.kafka_from
          and p.applied = m.applied_from
    returning p.partition,
        pg_notify('healthsvc_flushed', p.partition::text),
        set_config('idle_in_transaction_session_timeout', :stall_ms, true),
        case when current_setting('server_version_num')::integer >= 170000
             then set_config('transaction_timeout', :limit_ms, true) end
""")


async def compare_and_set(
    conn: AsyncConnection, *, projection: int, owner: str, moves: Sequence[Move]
) -> None:
    """Move offsets, if they and the epochs are as expected; must be the flush's first statement.

    It begins the transaction, locks the partitions to its end, and tells `healthsvc_flushed` at
    commit. Raises Fenced.
    """
    rows = await conn.execute(
        _COMPARE_AND_SET,
        {
            "projection": projection,
            "owner": owner,
            "stall_ms": f"{STALL_SECONDS * 1000:.0f}",
            "limit_ms": f"{STALL_SECONDS * 4000:.0f}",
            "partitions": [m.partition for m in moves],
            "epochs": [m.epoch for m in moves],
            "table_from": [m.table_from for m in moves],
            "table_to": [m.table_to for m in moves],
            "kafka_from": [m.kafka_from for m in moves],
            "kafka_to": [m.kafka_to for m in moves],
            "applied_from": [m.applied_from for m in moves],
            "applied_to": [m.applied_to for m in moves],
            "read_through": [m.read_through_at for m in moves],
        },
    )
    if refused := {m.partition for m in moves} - {row.partition for row in rows}:
        raise Fenced(refused)


async def note_read(
    conn: AsyncConnection, *, projection: int, owner: str, through: Mapping[int, datetime]
) -> None:
    """Say up to when the owner has read its partitions, also those in which nothing happens; a
    flush's are left to it."""
    await conn.execute(
        text("""
            update partitions p set read_through_at = t.at
            from unnest(cast(:partitions as integer[]), cast(:at as timestamptz[])) as t(partition,
                at)
            where p.projection = :projection and p.partition = t.partition and p.owner = :owner
              and (p.read_through_at is null or p.read_through_at < t.at)
              and p.partition in (
                  select partition from partitions
                  where projection = :projection and owner = :owner order by partition
                      for update skip locked
              )
        """),
        {
            "projection": projection,
            "owner": owner,
            "partitions": list(through),
            "at": list(through.values()),
        },
    )


async def read_by_all(conn: AsyncConnection, projection: int) -> datetime | None:
    """Up to when every partition has been read; None while one never has been."""
    read_through: datetime | None = await conn.scalar(
        text("""
            select case when bool_and(read_through_at is not null) then min(read_through_at) end
            from partitions where projection = :projection
        """),
        {"projection": projection},
    )
    return read_through


async def ensure(conn: AsyncConnection, partitions: Iterable[int]) -> None:
    """Make these partitions exist, in the log and in every projection in use; those that do stay as
    they are."""
    ordered = sorted(partitions)
    await conn.execute(
        text(
            "insert into log_heads (partition) select unnest(cast(:wanted as integer[])) on"
            " conflict do nothing"
        ),
        {"wanted": ordered},
    )
    await conn.execute(
        text("""
            insert into partitions (projection, partition)
            select id, partition from projections cross
                join unnest(cast(:wanted as integer[])) as w(partition)
            where state <> 'retired' order by 1, 2 on conflict do nothing
        """),
        {"wanted": ordered},
    )


async def table_offsets(conn: AsyncConnection) -> dict[int, int]:
    """Return how far the live projection has folded the table log, by partition."""
    rows = await conn.execute(
        text("""
            select partition, table_offset
            from partitions join projections on projections.id = partitions.projection
                where projections.state = 'live'
        """)
    )
    return {row.partition: row.table_offset for row in rows}


async def log_partitions(conn: AsyncConnection) -> list[int]:
    """Return the partitions of the table log, ascending."""
    return list(
        (await conn.execute(text("select partition from log_heads order by partition"))).scalars()
    )
