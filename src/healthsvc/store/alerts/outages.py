"""Outages: which scopes have fallen, the customers affected, and the alerts inhibited meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from healthsvc.core.alerts import HELD, RELEASE, RESOLVED, Alert
from healthsvc.core.instants import to_us
from healthsvc.core.outages.detect import Guard
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.alerts.alert_rows import COLUMNS, from_row
from healthsvc.store.database.engine import AsyncConnection

LOOKED_AT_EVENTS: Final = 50
SHARE: Final = 0.2
"""A source concerns the customers of whose last events before the fall it brought at least so large
a share."""


def concerning(customer_key: str, segment: str) -> str:
    """SQL: whether outage `g` affects a customer, given by expressions; without an archive every
    customer may be affected."""
    return f"""(
        g.scope = 'fleet' or g.scope = 'segment:' || {segment} or (
            g.scope like 'source:%' and (
                select coalesce(
                    avg(case when e.event::json ->> 'source' = substr(g.scope, 8) then 1.0
                        else 0.0 end), 1.0
                ) >= {SHARE}
                from (
                    select x.event from archive x where x.customer_key = {customer_key}
                      and x.occurred_us <= extract(epoch from g.since) * 1000000
                    order by x.occurred_us desc limit {LOOKED_AT_EVENTS}
                ) e
            )
        )
    )"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The state that the last check of the traffic left."""

    judged_at: datetime | None
    learnt_through: datetime | None


async def turn(conn: AsyncConnection, every_seconds: float) -> Look | None:
    """Take the turn to check, until the end of the transaction; None: another worker has it, or it
    isn't time yet."""
    rows = await conn.execute(
        text("""
            update guard_watch set looked_at = clock_timestamp() where only_one in (
                select only_one from guard_watch
                where looked_at <= clock_timestamp() - make_interval(secs => :every)
                    for update skip locked
            ) returning judged_at, learnt_through
        """),
        {"every": every_seconds},
    )
    row = rows.mappings().first()
    return None if row is None else Look(**row)


async def note_look(conn: AsyncConnection, judged_at: datetime, learnt_through: datetime) -> None:
    await conn.execute(
        text("update guard_watch set judged_at = :judged_at, learnt_through = :learnt_through"),
        {"judged_at": judged_at, "learnt_through": learnt_through},
    )


async def standing(conn: AsyncConnection) -> list[Guard]:
    """The guards that haven't ended."""
    rows = await conn.execute(
        text("select scope, since, dismissed_at from guards where ended_at is null")
    )
    return [
        Guard(scope=r.scope, since_us=to_us(r.since), dismissed=r.dismissed_at is not None)
        for r in rows
    ]


async def begin(
    conn: AsyncConnection, scope: str, since: datetime, now: datetime, alert_id: str
) -> None:
    await conn.execute(
        text(
            "insert into guards (scope, since, began_at, alert_id) values (:scope, :since, :now,"
            " :alert)"
        ),
        {"scope": scope, "since": since, "now": now, "alert": alert_id},
    )


async def end(
    conn: AsyncConnection, scope: str, now: datetime, why: str, holds_until: datetime
) -> None:
    await conn.execute(
        text(
            "update guards set ended_at = :now, ended_why = :why, holds_until = :until"
            " where scope = :scope and ended_at is null"
        ),
        {"scope": scope, "now": now, "why": why, "until": holds_until},
    )


async def dismiss_settled(conn: AsyncConnection, now: datetime) -> list[str]:
    """Guards whose alert a person has resolved hold nothing any longer; their scopes."""
    rows = await conn.execute(
        text(f"""
            update guards g set dismissed_at = :now from alerts a
            where a.id = g.alert_id and a.state = {lifecycle_sql.literal(RESOLVED)}
              and g.ended_at is null and g.dismissed_at is null
            returning g.scope
        """),
        {"now": now},
    )
    return list(rows.scalars())


async def held_during(conn: AsyncConnection, begin: datetime, end: datetime) -> bool:
    """Whether any scope had fallen between two instants."""
    return bool(
        await conn.scalar(
            text(
                "select exists(select from guards where since < :end and coalesce(ended_at, :end) >"
                " :begin)"
            ),
            {"begin": begin, "end": end},
        )
    )


async def release(conn: AsyncConnection, through: datetime, most: int) -> list[Alert]:
    """Open held alerts that no guard holds any longer, the longest held first: they hold still, or
    the customer's owner would have resolved them."""
    rows = await conn.execute(
        text(f"""
            update alerts set state = {lifecycle_sql.after(RELEASE)}, revision = revision + 1,
                position = nextval(pg_get_serial_sequence('alerts', 'position'))
            where id in (
                select a.id from alerts a join guards g on g.id = a.held_by
                where a.state = {lifecycle_sql.literal(HELD)}
                  and (g.dismissed_at is not null or g.holds_until <= :through)
                order by a.position limit :most for update of a skip locked
            ) returning {COLUMNS}
        """),
        {"through": through, "most": most},
    )
    return sorted((from_row(row) for row in rows.mappings()), key=lambda alert: alert.position)


async def concerned(conn: AsyncConnection, customer_ids: Sequence[str], now: datetime) -> set[str]:
    """Those of the customers whose alerts of absence a guard holds."""
    if not customer_ids:
        return set()
    rows = await conn.execute(
        text(f"""
            select c.customer_id from guards g join customers c
                on c.customer_id = any(cast(:ids as text[]))
            left join standings s on s.customer_key = c.key
                and s.projection = (select id from projections where state = 'live')
            where g.dismissed_at is null and (g.ended_at is null or g.holds_until > :now)
              and {concerning("c.key", "s.segment")}
        """),
        {"ids": list(customer_ids), "now": now},
    )
    return set(rows.scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageScope:
    """What arrives about a customer is not all there is: since when, and which scope has fallen."""

    since: datetime
    scope: str


_HELD_AT: Final = """
    g.began_at <= :at and coalesce(g.ended_at, 'infinity') > :at
    and coalesce(g.dismissed_at, 'infinity') > :at
"""


async def any_at(conn: AsyncConnection, at: datetime) -> bool:
    """Whether any guard concerned anybody at an instant."""
    exists = await conn.scalar(
        text(f"select exists (select from guards g where {_HELD_AT})"), {"at": at}
    )
    return bool(exists)


async def stale(
    conn: AsyncConnection, customer_key: int, segment: str | None, at: datetime
) -> OutageScope | None:
    """The guard that concerned a customer at an instant, the widest first."""
    values: dict[str, Any] = {"key": customer_key, "segment": segment, "at": at}
    rows = await conn.execute(
        text(f"""
            select g.scope, g.since from guards g
            where {_HELD_AT} and {concerning("cast(:key as bigint)", "cast(:segment as text)")}
            order by g.scope = 'fleet' desc, g.since limit 1
        """),
        values,
    )
    row = rows.mappings().first()
    return None if row is None else OutageScope(**row)
