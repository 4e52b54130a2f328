"""What was known at a past instant: the events counted by then, and which projection was live."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.projections.live_projection import Projection


class CountedEvent(NamedTuple):
    """An archived event, when it happened and when it was counted."""

    occurred_us: int
    counted_at: datetime
    event: str


async def events(conn: AsyncConnection, customer_key: int) -> list[CountedEvent]:
    """Everything that the archive has of a customer, in the order in which it was folded.

    Events that were archived before the instants were kept count as counted at the beginning of the
    day on which they were logged.
    """
    rows = await conn.execute(
        text("""
            select occurred_us, coalesce(counted_at,
                logged_on::timestamp at time zone 'UTC') as counted_at, event
            from archive where customer_key = :key order by sequence
        """),
        {"key": customer_key},
    )
    return [CountedEvent(r.occurred_us, r.counted_at, r.event) for r in rows]


async def live_at(conn: AsyncConnection, at: datetime) -> Projection | None:
    """The projection that was live at an instant; the first one before there was any."""
    row = (
        await conn.execute(
            text("""
                select p.id, p.scorecard_version, coalesce(s.frozen, s.document) as document
                    from projections p
                join scorecards s on s.version = p.scorecard_version
                where p.state <> 'building' and (p.live_at is not null or p.reason = 'start')
                  and coalesce(p.live_at, '-infinity') <= :at
                      and coalesce(p.retired_at, 'infinity') > :at
                order by p.id desc limit 1
            """),
            {"at": at},
        )
    ).first()
    return (
        None
        if row is None
        else Projection(id=row.id, scorecard_version=row.scorecard_version, document=row.document)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was decided last by an instant."""

    score: float | None
    band: str | None
    flags: tuple[str, ...]


async def decided(
    conn: AsyncConnection,
    customer_key: int,
    at: datetime,
    *,
    flag: str | None = None,
    version: int | None = None,
) -> Recorded | None:
    """The last recorded decision by an instant; with `flag`, the last one in which it held; with
    `version`, the last one by that scorecard."""
    row = (
        await conn.execute(
            text("""
                select score, band, flags from history
                where customer_key = :key and coalesce(recorded_at, decided_at) <= :at
                  and (cast(:flag as text) is null or cast(:flag as text) = any(flags))
                  and (cast(:version as integer) is null
                       or cast(:version as integer) = scorecard_version)
                order by decided_at desc limit 1
            """),
            {"key": customer_key, "at": at, "flag": flag, "version": version},
        )
    ).first()
    if row is None:
        return None
    return Recorded(score=row.score, band=row.band, flags=tuple(row.flags))


async def sample(conn: AsyncConnection, projection: int, count: int) -> list[str]:
    """Ids of some customers, the same ones each time."""
    rows = await conn.execute(
        text("""
            select c.customer_id from states s join customers c on c.key = s.customer_key
            where s.projection = :id order by md5(c.customer_id) limit :count
        """),
        {"id": projection, "count": count},
    )
    return list(rows.scalars())
