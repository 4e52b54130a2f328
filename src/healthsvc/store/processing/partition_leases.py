"""Leases of partitions: who owns which, taking them over and giving them back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CursorResult, text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing.partitions import Ownership

RELEASED_CHANNEL = "healthsvc_leases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A partition as it stands: its owner and epoch; `expired` by the database's clock."""

    owner: str | None
    epoch: int
    expired: bool


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


OWNERSHIP = "partition, epoch, table_offset, kafka_offset, applied, read_through_at"
_TAKE: Final = text(f"""
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
""")


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
        _TAKE,
        {
            "projection": projection,
            "owner": owner,
            "lease": lease_seconds,
            "held": list(owned),
            "at_most": at_most,
        },
    )
    return ownerships(rows)


_RETAKE: Final = text(f"""
    update partitions set epoch = epoch + 1,
        lease_until = clock_timestamp() + make_interval(secs => :lease)
    where projection = :projection and owner = :owner and partition in (
        select partition from partitions
        where projection = :projection and owner = :owner
            and partition = any(cast(:partitions as integer[]))
        order by partition for update
    )
    returning {OWNERSHIP}
""")


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
        _RETAKE,
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
