"""The switch from one projection to another, and its follow-up: marks in the history, clearing of
old rows."""

import json

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


async def flip(conn: AsyncConnection, new: int, old: int) -> None:
    """Make the new projection live in place of the old one, whose partitions the transaction must
    hold locked.

    The offsets and the ids of counted events go over to the new one: they belong to the log, not to
    a way of scoring it. The old one's rows of `partitions` are deleted, so nobody can take them,
    and its workers' flushes are fenced.
    """
    await conn.execute(
        text("""
            update partitions n set table_offset = o.table_offset, kafka_offset = o.kafka_offset,
                applied = o.applied,
                read_through_at = o.read_through_at, owner = null, lease_until = null,
                    epoch = n.epoch + 1
            from partitions o where n.projection = :new and o.projection = :old
                and n.partition = o.partition
        """),
        {"new": new, "old": old},
    )
    for table in ("dedupe_recent", "dedupe_buckets"):
        await conn.execute(
            text(f"update {table} set projection = :new where projection = :old"),
            {"new": new, "old": old},
        )
    rows = await conn.execute(
        text(
            "delete from partitions where projection = :old returning partition, applied,"
            " table_offset, kafka_offset"
        ),
        {"old": old},
    )
    positions = {
        str(r.partition): {"applied": r.applied, "table": r.table_offset, "kafka": r.kafka_offset}
        for r in rows
    }
    await conn.execute(
        text(
            "update projections set state = 'retired', retired_at = clock_timestamp() where id ="
            " :old"
        ),
        {"old": old},
    )
    await conn.execute(
        text("""
            update projections p set state = 'live', phase = 'done', builder = null,
                builder_until = null,
                live_at = o.retired_at, previous = o.id, positions = cast(:positions as jsonb)
            from projections o where p.id = :new and o.id = :old
        """),
        {"new": new, "old": old, "positions": json.dumps(positions)},
    )
    await conn.execute(
        text("""
            update scorecards s set published_at = coalesce(s.published_at, p.live_at)
            from projections p where p.id = :new and s.version = p.scorecard_version
        """),
        {"new": new},
    )
    await conn.execute(text("select pg_notify('healthsvc_leases', 'live')"))


async def unmarked(conn: AsyncConnection) -> tuple[int, int] | None:
    """(projection, the one before it) of a live one whose change isn't marked in the history
    yet."""
    row = (
        await conn.execute(
            text(
                "select id, previous from projections where state = 'live' and previous is not null"
                " and live_at is not null and marked_at is null"
            )
        )
    ).first()
    return None if row is None else (row.id, row.previous)


_MARK = text("""
    with page as (
        select n.* from standings n where n.projection = :new and n.customer_key > :after
        order by n.customer_key limit :limit
    ), marks as (
        insert into history
            (projection, customer_key, decided_at, score, risk, band, flags, cause,
                scorecard_version)
        select j.id, n.customer_key, j.live_at, n.score, n.risk, n.band, n.flags, 'scorecard',
            j.scorecard_version
        from page n join projections j on j.id = n.projection
        left join standings o on o.projection = :old and o.customer_key = n.customer_key
        where o.customer_key is null or o.band is distinct from n.band or o.flags <> n.flags
           or abs(coalesce(n.score, -1) - coalesce(o.score, -1)) >= 1
    )
    select max(customer_key) as last, count(*) as met from page
""")


async def mark_alone(conn: AsyncConnection) -> None:
    """Keep other markers waiting until the end of the transaction."""
    await conn.execute(text("select pg_advisory_xact_lock(hashtext('healthsvc_marks'))"))


async def mark(conn: AsyncConnection, new: int, old: int, after: int, limit: int) -> int | None:
    """Mark the change of version in the history of customers after this key; returns the last one,
    None at the end."""
    row = (
        await conn.execute(_MARK, {"new": new, "old": old, "after": after, "limit": limit})
    ).one()
    return row.last if row.met == limit else None


async def marked_up_to(conn: AsyncConnection, new: int) -> int:
    """The last customer in whose history this projection's beginning is marked; 0 for none."""
    customer_key: int | None = await conn.scalar(
        text("""
            select max(h.customer_key) from history h join projections j on j.id = h.projection
            where h.projection = :new and h.cause = 'scorecard' and h.decided_at = j.live_at
        """),
        {"new": new},
    )
    return customer_key or 0


async def marked(conn: AsyncConnection, projection: int) -> None:
    await conn.execute(
        text("update projections set marked_at = clock_timestamp() where id = :id"),
        {"id": projection},
    )


async def to_clear(conn: AsyncConnection, grace_seconds: float) -> int | None:
    """A retired projection whose rows are no longer needed: readers had their time, the history is
    marked."""
    projection: int | None = await conn.scalar(
        text("""
            select r.id from projections r
            where r.state = 'retired' and r.cleared_at is null
              and r.retired_at < clock_timestamp() - make_interval(secs => :grace)
              and not exists (select from projections n
                              where n.previous = r.id and n.state = 'live' and n.marked_at is null)
            order by r.id limit 1
        """),
        {"grace": grace_seconds},
    )
    return projection


async def clear(conn: AsyncConnection, projection: int, limit: int) -> bool:
    """Delete some of a retired projection's rows; True when none is left. Its history stays."""
    has_more = False
    for table in (
        "timers",
        "standings",
        "states",
        "dedupe_recent",
        "dedupe_buckets",
        "shadow_marks",
    ):
        deleted = await conn.execute(
            text(
                f"delete from {table} where ctid = any(array(select ctid from {table} where"
                " projection = :id limit :n))"
            ),
            {"id": projection, "n": limit},
        )
        has_more |= deleted.rowcount == limit
    if not has_more:
        await conn.execute(
            text("update projections set cleared_at = clock_timestamp() where id = :id"),
            {"id": projection},
        )
    return not has_more
