"""Ids that were counted: recent ones a row per flush, older ones a row per hour and rotation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection, raw


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentIds:
    partition: int
    sequence: int
    logged_at: datetime
    ids: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketIds:
    partition: int
    hour: int
    sequence: int
    logged_at: datetime
    """When the newest of the ids was logged."""
    ids: bytes


async def recent(conn: AsyncConnection, projection: int, partition: int) -> list[RecentIds]:
    """All recent ids of a partition, in the order of `sequence`."""
    rows = await conn.execute(
        text("""
            select sequence, logged_at, ids from dedupe_recent
            where projection = :projection and partition = :partition order by sequence
        """),
        {"projection": projection, "partition": partition},
    )
    return [
        RecentIds(partition=partition, sequence=r.sequence, logged_at=r.logged_at, ids=r.ids)
        for r in rows
    ]


async def hours(
    conn: AsyncConnection, projection: int, partition: int
) -> dict[int, tuple[datetime, int]]:
    """The hours that have buckets, with the newest instant at which an id was logged in each, and
    its number of ids."""
    rows = await conn.execute(
        text("""
            select hour, max(logged_at) as newest, sum(octet_length(ids)) / 16 as ids
                from dedupe_buckets
            where projection = :projection and partition = :partition group by hour
        """),
        {"projection": projection, "partition": partition},
    )
    return {r.hour: (r.newest, int(r.ids)) for r in rows}


async def buckets(
    conn: AsyncConnection, projection: int, partition: int, hours: Sequence[int]
) -> dict[int, bytes]:
    """The ids of some hours, packed as one."""
    rows = await conn.execute(
        text("""
            select hour, ids from dedupe_buckets
            where projection = :projection and partition = :partition and hour = any(:hours)
        """),
        {"projection": projection, "partition": partition, "hours": list(hours)},
    )
    parts: dict[int, list[bytes]] = {}
    for row in rows:
        parts.setdefault(row.hour, []).append(row.ids)
    return {hour: b"".join(chunks) for hour, chunks in parts.items()}


async def add_recent(conn: AsyncConnection, projection: int, rows: Sequence[RecentIds]) -> None:
    if rows:
        driver = await raw(conn)
        await driver.executemany(
            "insert into dedupe_recent (projection, partition, sequence, logged_at, ids) values"
            " ($1, $2, $3, $4, $5)",
            [(projection, r.partition, r.sequence, r.logged_at, r.ids) for r in rows],
        )


async def rotate(
    conn: AsyncConnection, projection: int, partition: int, sequence: int, rows: Sequence[BucketIds]
) -> None:
    """Replace the recent ids up to `sequence` by buckets."""
    await conn.execute(
        text(
            "delete from dedupe_recent"
            " where projection = :projection and partition = :partition and sequence <= :sequence"
        ),
        {"projection": projection, "partition": partition, "sequence": sequence},
    )
    driver = await raw(conn)
    await driver.copy_records_to_table(
        "dedupe_buckets",
        records=[(projection, r.partition, r.hour, r.sequence, r.logged_at, r.ids) for r in rows],
        columns=("projection", "partition", "hour", "sequence", "logged_at", "ids"),
    )


async def forget_before(
    conn: AsyncConnection, projection: int, partition: int, logged_at: datetime
) -> None:
    """Drop buckets whose newest id is older than the window."""
    await conn.execute(
        text(
            "delete from dedupe_buckets"
            " where projection = :projection and partition = :partition and logged_at < :before"
        ),
        {"projection": projection, "partition": partition, "before": logged_at},
    )
