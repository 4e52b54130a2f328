"""Rows that say who reads which partition, and how far: leases, epochs, offsets. Clocks here are
the database's.

Whoever holds a lease acts as (projection, owner). The epoch grows with each taking, so a former
owner's flush finds no row to change. A row that a flush holds locked is skipped by takers: it is
alive, whatever its lease says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, text

from healthsvc.core.errors import OwnershipLost
from healthsvc.store.database.engine import AsyncConnection

RELEASED_CHANNEL = "healthsvc_leases"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A partition as it stands: its owner and epoch; `expired` by the database's clock."""

    owner: str | None
    epoch: int
    expired: bool


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


async def heartbeat(conn: AsyncConnection, worker: str, lease_seconds: float) -> None:
    """Say that this worker lives, for a lease's time."""
    await conn.execute(
        text("""
            insert into workers (id, seen_until) values (:id,
                clock_timestamp() + make_interval(secs => :lease))
            on conflict (id) do update set seen_until = excluded.seen_until
        """),
        {"id": worker, "lease": lease_seconds},
    )


async def live_workers(conn: AsyncConnection, prefix: str) -> list[str]:
    """Return the workers that live, of those whose id begins with `prefix`."""
    rows = await conn.execute(
        text(
            "select id from workers where seen_until > clock_timestamp() and starts_with(id,"
            " :prefix) order by id"
        ),
        {"prefix": prefix},
    )
    return list(rows.scalars())


async def forget_worker(conn: AsyncConnection, worker: str) -> None:
    await conn.execute(text("delete from workers where id = :id"), {"id": worker})


async def forget_dead_workers(conn: AsyncConnection) -> None:
    """Drop workers that ended without a word an hour ago."""
    await conn.execute(
        text("""
            delete from workers where id in (
                select id from workers where seen_until < clock_timestamp() - interval '1 hour'
                    for update skip locked
            )
        """)
    )


async def leases(conn: AsyncConnection, projection: int) -> dict[int, Lease]:
    """Return all partitions of a projection, without waiting for flushes."""
    rows = await conn.execute(
        text("""
            select partition, owner, epoch, coalesce(lease_until < clock_timestamp(),
                true) as expired
            from partitions where projection = :projection order by partition
        """),
        {"projection": projection},
    )
    return {r.partition: Lease(owner=r.owner, epoch=r.epoch, expired=r.expired) for r in rows}


async def renew(
    conn: AsyncConnection, *, projection: int, owner: str, lease_seconds: float
) -> None:
    """Prolong the owner's leases; one locked by a flush stays as it is, and can't be taken
    meanwhile."""
    await conn.execute(
        text("""
            update partitions set lease_until = clock_timestamp() + make_interval(secs => :lease)
            where projection = :projection and partition in (
                select partition from partitions
                where projection = :projection and owner = :owner order by partition
                    for update skip locked
            )
        """),
        {"projection": projection, "owner": owner, "lease": lease_seconds},
    )


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


OWNERSHIP = "partition, epoch, table_offset, kafka_offset, applied, read_through_at"


async def take(
    conn: AsyncConnection,
    *,
    projection: int,
    owner: str,
    lease_seconds: float,
    owned: Iterable[int],
    at_most: int,
) -> dict[int, Ownership]:
    """Take up to `at_most` partitions that are free, expired, or ours by the table but not among
    those `held`."""
    rows = await conn.execute(
        text(f"""
            update partitions set owner = :owner, epoch = epoch + 1,
                lease_until = clock_timestamp() + make_interval(secs => :lease)
            where projection = :projection and partition in (
                select partition from partitions
                where projection = :projection and partition <> all(cast(:held as integer[]))
                  and (owner is null or owner = :owner or lease_until is null
                      or lease_until < clock_timestamp())
                order by partition limit :at_most for update skip locked
            )
            returning {OWNERSHIP}
        """),
        {
            "projection": projection,
            "owner": owner,
            "lease": lease_seconds,
            "held": list(owned),
            "at_most": at_most,
        },
    )
    return ownerships(rows)


async def retake(
    conn: AsyncConnection,
    *,
    projection: int,
    owner: str,
    lease_seconds: float,
    partitions: Iterable[int],
) -> dict[int, Ownership]:
    """Take those of these partitions that are still ours again; waits for an unfinished flush of
    ours to end."""
    rows = await conn.execute(
        text(f"""
            update partitions set epoch = epoch + 1,
                lease_until = clock_timestamp() + make_interval(secs => :lease)
            where projection = :projection and owner = :owner and partition in (
                select partition from partitions
                where projection = :projection and owner = :owner
                    and partition = any(cast(:partitions as integer[]))
                order by partition for update
            )
            returning {OWNERSHIP}
        """),
        {
            "projection": projection,
            "owner": owner,
            "lease": lease_seconds,
            "partitions": list(partitions),
        },
    )
    return ownerships(rows)


def ownerships(rows: CursorResult[Any]) -> dict[int, Ownership]:
    return {
        row.partition: Ownership(
            epoch=row.epoch,
            table_offset=row.table_offset,
            kafka_offset=row.kafka_offset,
            applied=row.applied,
            read_through_at=row.read_through_at,
        )
        for row in rows
    }


async def release(
    conn: AsyncConnection, *, projection: int, owner: str, epochs: Mapping[int, int]
) -> None:
    """Give up partitions, each if it is still ours in that epoch, and wake those who may take
    them."""
    await conn.execute(
        text("""
            update partitions p set owner = null, lease_until = null
            from unnest(cast(:partitions as integer[]), cast(:epochs as bigint[])) as m(partition,
                epoch)
            where p.projection = :projection and p.partition = m.partition and p.owner = :owner
                and p.epoch = m.epoch
            returning pg_notify('healthsvc_leases', p.partition::text)
        """),
        {
            "projection": projection,
            "owner": owner,
            "partitions": list(epochs),
            "epochs": list(epochs.values()),
        },
    )


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
