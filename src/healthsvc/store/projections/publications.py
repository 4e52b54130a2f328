"""Projections beside the live one: requested, reported, given up. At most one is there at a time.

One is built to take over, or it is a shadow: built alike, kept up to date, and not switched to
until it is asked for.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from healthsvc.core.errors import Conflict
from healthsvc.store.database.engine import AsyncConnection


class AlreadyBuilding(Conflict):
    """Another projection is being built, or kept as a shadow; wait for it, or end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A projection to be built, and the one it is to take over from."""

    id: int
    version: int
    document: str
    reason: str
    with_gaps: bool
    live: int
    live_version: int
    live_document: str
    fresh: bool
    """The version never was live: nothing was scored by it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPublication:
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

    @property
    def stands(self) -> str:
        """building, shadow, live or retired."""
        return "shadow" if self.state == "building" and self.reason == "shadow" else self.state


_ASK: Final = text("""
    insert into projections
        (id, scorecard_version, state, reason, requested_by, with_gaps, previous, created_at)
    select (select max(id) + 1 from projections), :version, 'building', :reason, :by, :with_gaps,
           id, :now
    from projections where state = 'live' returning id
""")


async def ask(
    conn: AsyncConnection, version: int, *, reason: str, by: str, with_gaps: bool, now: datetime
) -> int:
    """Have a projection built; answers its id. Raises AlreadyBuilding."""
    try:
        async with conn.begin_nested():
            projection: int = (
                await conn.execute(
                    _ASK,
                    {
                        "version": version,
                        "reason": reason,
                        "by": by,
                        "with_gaps": with_gaps,
                        "now": now,
                    },
                )
            ).scalar_one()
    except IntegrityError as error:
        raise AlreadyBuilding from error
    await adopt_partitions(conn, projection)
    return projection


async def adopt_partitions(conn: AsyncConnection, projection: int) -> None:
    """Give the projection the live one's partitions; its table offsets only keep the log from being
    held up."""
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
                    select b.id, b.scorecard_version as version, coalesce(s.frozen,
                        s.document) as document, b.reason,
                           b.with_gaps, l.id as live,
                           l.scorecard_version as live_version, coalesce(o.frozen,
                               o.document) as live_document,
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


async def is_live(conn: AsyncConnection, projection: int) -> bool:
    return bool(
        await conn.scalar(
            text("select exists(select from projections where id = :id and state = 'live')"),
            {"id": projection},
        )
    )


async def promote(conn: AsyncConnection, projection: int, by: str) -> bool:
    """Have a shadow take over; False if it is none."""
    promoted = await conn.execute(
        text("""
            update projections set reason = 'publish', requested_by = :by
            where id = :id and state = 'building' and reason = 'shadow' returning id
        """),
        {"id": projection, "by": by},
    )
    return promoted.first() is not None


async def give_up(
    conn: AsyncConnection, projection: int, why: str, *, builder: str | None = None
) -> bool:
    """End a building that can't be finished, or isn't wanted any more; the live projection goes on.

    builder: only if it still has the claim.
    """
    retired = await conn.execute(
        text("""
            update projections set state = 'retired', retired_at = clock_timestamp(),
                failure = :why, builder = null,
                phase = 'done', marked_at = clock_timestamp()
            where id = :id and state = 'building'
              and (cast(:builder as text) is null or builder = cast(:builder as text))
            returning id
        """),
        {"id": projection, "why": why, "builder": builder},
    )
    given_up = retired.first() is not None
    if given_up:
        await conn.execute(
            text("delete from partitions where projection = :id"), {"id": projection}
        )
    return given_up


async def publications(conn: AsyncConnection, limit: int = 20) -> list[StoredPublication]:
    """The last projections, the newest first."""
    rows = await conn.execute(
        text("""
            select j.id, j.scorecard_version as version, j.state, j.reason, j.requested_by,
                   j.created_at as requested_at, j.with_gaps, j.phase, j.failure, j.live_at,
                       j.retired_at,
                   j.cleared_at, j.positions,
                   coalesce((select sum(applied) from partitions p
                       where p.projection = j.id), 0)::bigint as folded,
                   (select coalesce(sum(applied), 0) from partitions p join projections l
                       on l.id = p.projection
                    where l.state = 'live')::bigint as events
            from projections j order by j.id desc limit :limit
        """),
        {"limit": limit},
    )
    return [StoredPublication(**row) for row in rows.mappings()]
