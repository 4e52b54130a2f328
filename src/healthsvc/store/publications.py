"""Projections that are built beside the live one: asked for, claimed by a builder, made live, cleared away.

At most one is being built. Its rows of `partitions` hold in `applied` how far it has folded the archive; a builder owns
all of them, by epoch, so that a former builder's transaction finds no row to change.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from healthsvc.store.engine import AsyncConnection
from healthsvc.store.partitions import OWNERSHIP, Ownership, ownerships

LOCK_SECONDS = 10.0


class AlreadyBuilding(Exception):
    """Another projection is being built; wait for it, or cancel it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A projection to be built, and the one it is to take over from."""

    id: int
    version: int
    document: str
    reason: str
    with_gaps: bool
    live: int
    live_document: str
    fresh: bool
    """The version never was live: nothing was scored by it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One projection as it stands, for telling; `folded` of `events` are in it."""

    id: int
    version: int
    state: str
    reason: str
    requested_by: str
    requested_at: datetime
    with_gaps: bool
    phase: str
    failure: str | None
    live_at: datetime | None
    retired_at: datetime | None
    cleared_at: datetime | None
    positions: dict[str, Any] | None
    folded: int
    events: int


async def ask(conn: AsyncConnection, version: int, *, reason: str, by: str, with_gaps: bool, now: datetime) -> int:
    """Have a projection built; answers its id. Raises AlreadyBuilding."""
    try:
        async with conn.begin_nested():
            made: int = (
                await conn.execute(
                    text("""
                        insert into projections
                            (id, scorecard_version, state, reason, requested_by, with_gaps, previous, created_at)
                        select (select max(id) + 1 from projections), :version, 'building', :reason, :by, :with_gaps,
                               id, :now
                        from projections where state = 'live' returning id
                    """),
                    {"version": version, "reason": reason, "by": by, "with_gaps": with_gaps, "now": now},
                )
            ).scalar_one()
    except IntegrityError as error:
        raise AlreadyBuilding(AlreadyBuilding.__doc__) from error
    await _adopt_partitions(conn, made)
    return made


async def _adopt_partitions(conn: AsyncConnection, projection: int) -> None:
    """Give the projection the live one's partitions; its table offsets only keep the log from being held up."""
    await conn.execute(
        text("""
            insert into partitions (projection, partition, table_offset, kafka_offset)
            select :id, p.partition, p.table_offset, p.kafka_offset
            from partitions p join projections j on j.id = p.projection and j.state = 'live'
            order by 2 on conflict do nothing
        """),
        {"id": projection},
    )


async def building(conn: AsyncConnection) -> Building | None:
    """What is to be built."""
    row = (
        (
            await conn.execute(
                text("""
                    select b.id, b.scorecard_version as version, coalesce(s.frozen, s.document) as document, b.reason,
                           b.with_gaps, l.id as live, coalesce(o.frozen, o.document) as live_document,
                           s.published_at is null as fresh
                    from projections b join scorecards s on s.version = b.scorecard_version
                    cross join projections l join scorecards o on o.version = l.scorecard_version
                    where b.state = 'building' and l.state = 'live'
                """)
            )
        )
        .mappings()
        .first()
    )
    return None if row is None else Building(**row)


async def claim(conn: AsyncConnection, projection: int, builder: str, lease_seconds: float) -> bool:
    """Take or keep the right to build; False while another builder has it, or when there is nothing to build."""
    found = await conn.execute(
        text("""
            update projections
            set builder = :builder, builder_until = clock_timestamp() + make_interval(secs => :lease)
            where id = :id and state = 'building'
              and (builder is null or builder = :builder or builder_until < clock_timestamp())
            returning id
        """),
        {"id": projection, "builder": builder, "lease": lease_seconds},
    )
    return found.first() is not None


async def leave(conn: AsyncConnection, projection: int, builder: str) -> None:
    """Let another builder go on at once."""
    await conn.execute(
        text("update projections set builder = null, builder_until = null where id = :id and builder = :builder"),
        {"id": projection, "builder": builder},
    )


async def enter(conn: AsyncConnection, projection: int, phase: str) -> None:
    """Say what the building is at."""
    await conn.execute(
        text("update projections set phase = :phase where id = :id and state = 'building'"),
        {"id": projection, "phase": phase},
    )


async def take(conn: AsyncConnection, projection: int, owner: str) -> dict[int, Ownership]:
    """Own all partitions of a projection that is being built, in a new epoch: a former builder is fenced."""
    await _adopt_partitions(conn, projection)
    rows = await conn.execute(
        text(f"""
            update partitions set owner = :owner, epoch = epoch + 1 where projection = :id and partition in (
                select partition from partitions where projection = :id order by partition for update
            )
            returning {OWNERSHIP}
        """),
        {"id": projection, "owner": owner},
    )
    return ownerships(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far the live projection has counted a partition, and up to when it has read everything logged."""

    applied: int
    read_through_at: datetime | None


async def reached(conn: AsyncConnection, live: int, *, lock: bool = False) -> dict[int, Reached]:
    """By partition; locked, no flush commits until the end of the transaction (waits for one in flight)."""
    if lock:
        await conn.execute(text("select set_config('lock_timeout', :ms, true)"), {"ms": f"{LOCK_SECONDS * 1000:.0f}"})
    rows = await conn.execute(
        text(
            "select partition, applied, read_through_at from partitions where projection = :id order by partition"
            + (" for update" if lock else "")
        ),
        {"id": live},
    )
    return {r.partition: Reached(applied=r.applied, read_through_at=r.read_through_at) for r in rows}


async def is_live(conn: AsyncConnection, projection: int) -> bool:
    return bool(
        await conn.scalar(
            text("select exists(select from projections where id = :id and state = 'live')"), {"id": projection}
        )
    )


async def decisions(conn: AsyncConnection, projection: int, keys: Sequence[int]) -> dict[int, bytes]:
    """The packed memory of decisions, by customer_key."""
    rows = await conn.execute(
        text("select customer_key, decision from states where projection = :id and customer_key = any(:keys)"),
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
    """Customers whose timer has come since they were decided here, while the live projection has none that is due."""
    rows = await conn.execute(
        text("""
            select t.customer_key from timers t
            join unnest(cast(:partitions as integer[]), cast(:as_of as timestamptz[])) a(partition, as_of)
                on a.partition = t.partition
            where t.projection = :id and t.due_at <= a.as_of and not exists (
                select from timers o
                where o.projection = :live and o.customer_key = t.customer_key and o.due_at <= a.as_of
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


async def flip(conn: AsyncConnection, new: int, old: int) -> None:
    """Make the new projection live in place of the old one, whose partitions the transaction must hold locked.

    The offsets and the ids of counted events go over to the new one: they belong to the log, not to a way of scoring
    it. The old one's rows of `partitions` are deleted, so nobody can take them, and its workers' flushes are fenced.
    """
    await conn.execute(
        text("""
            update partitions n set table_offset = o.table_offset, kafka_offset = o.kafka_offset, applied = o.applied,
                read_through_at = o.read_through_at, owner = null, lease_until = null, epoch = n.epoch + 1
            from partitions o where n.projection = :new and o.projection = :old and n.partition = o.partition
        """),
        {"new": new, "old": old},
    )
    for table in ("dedupe_recent", "dedupe_buckets"):
        await conn.execute(
            text(f"update {table} set projection = :new where projection = :old"), {"new": new, "old": old}
        )
    rows = await conn.execute(
        text("delete from partitions where projection = :old returning partition, applied, table_offset, kafka_offset"),
        {"old": old},
    )
    positions = {
        str(r.partition): {"applied": r.applied, "table": r.table_offset, "kafka": r.kafka_offset} for r in rows
    }
    await conn.execute(
        text("update projections set state = 'retired', retired_at = clock_timestamp() where id = :old"), {"old": old}
    )
    await conn.execute(
        text("""
            update projections p set state = 'live', phase = 'done', builder = null, builder_until = null,
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


async def give_up(conn: AsyncConnection, projection: int, why: str, *, builder: str | None = None) -> bool:
    """End a building that can't be finished, or isn't wanted any more; the live projection goes on.

    builder: only if it still has the claim.
    """
    found = await conn.execute(
        text("""
            update projections set state = 'retired', retired_at = clock_timestamp(), failure = :why, builder = null,
                phase = 'done', marked_at = clock_timestamp()
            where id = :id and state = 'building'
              and (cast(:builder as text) is null or builder = cast(:builder as text))
            returning id
        """),
        {"id": projection, "why": why, "builder": builder},
    )
    given_up = found.first() is not None
    if given_up:
        await conn.execute(text("delete from partitions where projection = :id"), {"id": projection})
    return given_up


async def publications(conn: AsyncConnection, limit: int = 20) -> list[Publication]:
    """The last projections, the newest first."""
    rows = await conn.execute(
        text("""
            select j.id, j.scorecard_version as version, j.state, j.reason, j.requested_by,
                   j.created_at as requested_at, j.with_gaps, j.phase, j.failure, j.live_at, j.retired_at,
                   j.cleared_at, j.positions,
                   coalesce((select sum(applied) from partitions p where p.projection = j.id), 0)::bigint as folded,
                   (select coalesce(sum(applied), 0) from partitions p join projections l on l.id = p.projection
                    where l.state = 'live')::bigint as events
            from projections j order by j.id desc limit :limit
        """),
        {"limit": limit},
    )
    return [Publication(**row) for row in rows.mappings()]


# After the switch -----------------------------------------------------------------------------------------------------


async def unmarked(conn: AsyncConnection) -> tuple[int, int] | None:
    """(projection, the one before it) of a live one whose history doesn't tell of the change yet."""
    row = (
        await conn.execute(
            text(
                "select id, previous from projections"
                " where state = 'live' and previous is not null and live_at is not null and marked_at is null"
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
            (projection, customer_key, decided_at, score, risk, band, flags, cause, scorecard_version)
        select j.id, n.customer_key, j.live_at, n.score, n.risk, n.band, n.flags, 'scorecard', j.scorecard_version
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
    """Have the history tell of the change of version, for customers after this key; answers the last one, None at the
    end."""
    row = (await conn.execute(_MARK, {"new": new, "old": old, "after": after, "limit": limit})).one()
    return row.last if row.met == limit else None


async def marked_up_to(conn: AsyncConnection, new: int) -> int:
    """The last customer whose history tells of this projection's beginning; 0 for none."""
    found: int | None = await conn.scalar(
        text("""
            select max(h.customer_key) from history h join projections j on j.id = h.projection
            where h.projection = :new and h.cause = 'scorecard' and h.decided_at = j.live_at
        """),
        {"new": new},
    )
    return found or 0


async def marked(conn: AsyncConnection, projection: int) -> None:
    await conn.execute(text("update projections set marked_at = clock_timestamp() where id = :id"), {"id": projection})


async def to_clear(conn: AsyncConnection, grace_seconds: float) -> int | None:
    """A retired projection whose rows nobody needs: readers had their time, the history tells of the change."""
    found: int | None = await conn.scalar(
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
    return found


async def clear(conn: AsyncConnection, projection: int, limit: int) -> bool:
    """Delete some of a retired projection's rows; True when none is left. Its history stays."""
    left = False
    for table in ("timers", "standings", "states", "dedupe_recent", "dedupe_buckets"):
        gone = await conn.execute(
            text(
                f"delete from {table} where ctid = any(array(select ctid from {table} where projection = :id limit :n))"
            ),
            {"id": projection, "n": limit},
        )
        left |= gone.rowcount == limit
    if not left:
        await conn.execute(
            text("update projections set cleared_at = clock_timestamp() where id = :id"), {"id": projection}
        )
    return not left
