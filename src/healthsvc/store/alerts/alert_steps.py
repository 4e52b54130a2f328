"""What people, and the clock, did with alerts, step by step."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from healthsvc.core.actors import Actor
from healthsvc.core.alerts import OVERDUE, WAKE, AlertStep
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.database.engine import AsyncConnection

MOST = 500
"""Steps of one alert that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenStep:
    """One step, and who took it."""

    step: AlertStep
    at: datetime
    actor: Actor
    note: str | None
    detail: Mapping[str, Any]


async def add(conn: AsyncConnection, alert_id: str, step: TakenStep) -> None:
    """Keep a step."""
    await conn.execute(
        text(
            "insert into alert_steps (alert_id, step, at, actor, note, detail) values (:alert_id,"
            " :step, :at, cast(:actor as jsonb), :note, cast(:detail as jsonb))"
        ),
        {
            "alert_id": alert_id,
            "step": step.step,
            "at": step.at,
            "actor": json.dumps(step.actor.as_data()),
            "note": step.note,
            "detail": json.dumps(step.detail),
        },
    )


async def of(conn: AsyncConnection, alert_id: str) -> list[TakenStep]:
    """The steps of an alert, the first one first."""
    rows = await conn.execute(
        text(
            "select step, at, actor, note, detail from alert_steps where alert_id = :alert_id"
            f" order by id limit {MOST}"
        ),
        {"alert_id": alert_id},
    )
    return [
        TakenStep(**{**row, "actor": Actor(**row["actor"])}) for row in map(dict, rows.mappings())
    ]


_DUE_SNOOZES = text(f"""
    select a.id from alerts a
    left join standings s on s.customer_key = a.customer_key
        and s.projection = (select id from projections where state = 'live')
    where {lifecycle_sql.may(WAKE, "a.state")} and (
        a.snoozed_until <= :now
        or (a.snoozed_edge = 'ends' and not coalesce(s.flags @> array[a.snoozed_flag], false))
        or (a.snoozed_edge = 'begins' and coalesce(s.flags @> array[a.snoozed_flag], false))
    ) order by a.id limit :limit
""")
_OVERDUE = text(f"""
    select id from alerts
    where {lifecycle_sql.may(OVERDUE, "state")} and overdue_at is null and due_at < :now
    order by due_at, id limit :limit
""")


async def due_snoozes(conn: AsyncConnection, now: datetime, limit: int) -> list[str]:
    """Ids of snoozed alerts whose time, or flag, has come."""
    return list((await conn.execute(_DUE_SNOOZES, {"now": now, "limit": limit})).scalars())


async def overdue(conn: AsyncConnection, now: datetime, limit: int) -> list[str]:
    """Ids of alerts that are past their due date and weren't told as overdue."""
    return list((await conn.execute(_OVERDUE, {"now": now, "limit": limit})).scalars())
