"""Alerts that a flush raises, gives to another flag of their group, and resolves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from healthsvc.core.alerts import (
    CONDITION_ENDED,
    END,
    ENDED_ITSELF,
    ESCALATE,
    FIRST_STATES,
    HELD,
    OPEN,
    AlertState,
)
from healthsvc.core.severity import Severity
from healthsvc.store.alerts import lifecycle_sql, outages
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    id: str
    customer_key: int
    customer_id: str
    kind: str
    severity: Severity
    summary: str
    detail: str
    onset_at: datetime
    raised_at: datetime
    due_at: datetime | None = None
    family: str = ""
    """The kinds of alert of which the customer has one at a time, a line each."""
    unless_open: bool = False
    """Only if the customer has no alert of the family that is open or acknowledged."""
    takes_over: str = ""
    """escalated: in the place of the family's alert, if there is one, else new; de_escalated: only
    in its place."""
    absence: bool = False
    """It says that something didn't happen: held while a guard of the fleet concerns the
    customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedAlert:
    """An open alert whose condition ended."""

    id: str
    customer_key: int
    customer_id: str
    kind: str
    severity: Severity
    summary: str
    onset_at: datetime
    raised_at: datetime


_ALERT_FIELDS: Final = {
    "id": "text",
    "customer_key": "bigint",
    **dict.fromkeys(("customer_id", "kind", "severity", "summary", "detail"), "text"),
    "onset_at": "timestamptz",
    "raised_at": "timestamptz",
    "due_at": "timestamptz",
    "family": "text",
    "unless_open": "boolean",
    "absence": "boolean",
}


_RAISE = text(f"""
    insert into alerts
        (id, customer_key, customer_id, kind, severity, state, held_by, summary, detail, onset_at,
            raised_at, due_at)
    select a.id, customer_key, customer_id, kind, severity, case when held.id is null then '{OPEN}'
        else '{HELD}' end,
        held.id, summary, detail::jsonb, onset_at, raised_at, due_at
    from unnest({", ".join(f"cast(:{name} as {kind}[])" for name, kind in _ALERT_FIELDS.items())})
        a({", ".join(_ALERT_FIELDS)})
    left join lateral (
        select g.id from guards g
        left join standings s on s.customer_key = a.customer_key
            and s.projection = (select id from projections where state = 'live')
        where a.absence and g.dismissed_at is null and g.since <= a.raised_at
          and (g.ended_at is null or g.holds_until > a.raised_at)
          and {outages.concerning("a.customer_key", "s.segment")}
        order by g.ended_at desc nulls first, g.id limit 1
    ) held on true
    where not (a.unless_open and exists (
        select from alerts o where o.customer_key = a.customer_key
            and o.kind = any(string_to_array(a.family, e'\\n'))
          and {lifecycle_sql.unresolved("o.state")}
    ))
    on conflict (id) do nothing returning id, state
""")


_TAKE_OVER = text(f"""
    with taken as materialized (
        select distinct on (a.id) a.id as row_id, o.id, o.kind as previous_kind,
            o.severity as previous_severity
        from unnest(cast(:id as text[]), cast(:customer_key as bigint[]), cast(:family as text[]))
            a(id, customer_key, family)
        join alerts o on o.customer_key = a.customer_key and o.kind = any(string_to_array(a.family,
            e'\\n'))
            and {lifecycle_sql.may(ESCALATE, "o.state")}
        order by a.id, o.position desc
    ), changed as (
        update alerts o set kind = a.kind, severity = a.severity, summary = a.summary,
            revision = o.revision + 1,
            detail = a.detail::jsonb || jsonb_build_object(
                'before', jsonb_build_object('kind', o.kind, 'severity', o.severity, 'until',
                    a.raised_at))
        from taken t join unnest(
            cast(:id as text[]), cast(:kind as text[]), cast(:severity as text[]),
                cast(:summary as text[]),
            cast(:detail as text[]), cast(:raised_at as timestamptz[])
        ) a(id, kind, severity, summary, detail, raised_at) on a.id = t.row_id
        where o.id = t.id
        returning t.row_id, o.id, o.state, o.onset_at, o.raised_at, t.previous_kind,
            t.previous_severity
    )
    select * from changed
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """An alert that became a sharper flag's, or an easier one's."""

    row_id: str
    """Of the alert that would have been raised otherwise."""
    id: str
    state: AlertState
    onset_at: datetime
    raised_at: datetime
    previous_kind: str
    previous_severity: Severity


async def take_over(conn: AsyncConnection, rows: Sequence[AlertRow]) -> list[TakenOver]:
    """Give the families' open alerts to other flags; answers those that there were."""
    if not rows:
        return []
    fields = ("id", "customer_key", "family", "kind", "severity", "summary", "detail", "raised_at")
    taken_over = await conn.execute(
        _TAKE_OVER, {name: [getattr(r, name) for r in rows] for name in fields}
    )
    return [TakenOver(**row) for row in taken_over.mappings()]


_RESUME: Final = text(f"""
    with resumed as (
        update alerts o set condition_ended_at = null, revision = o.revision + 1
        from unnest(cast(:id as text[]), cast(:customer_key as bigint[]), cast(:family as text[]))
            a(id, customer_key, family)
        where o.customer_key = a.customer_key and o.kind = any(string_to_array(a.family, e'\n'))
            and o.condition_ended_at is not null and {lifecycle_sql.unresolved("o.state")}
        returning a.id
    )
    select id from resumed
""")


async def _resume(conn: AsyncConnection, rows: Sequence[AlertRow]) -> set[str]:
    """Where somebody has the alert of a condition that had ended, it holds again: no other one is
    raised; answers which of the rows these are."""
    fields = ("id", "customer_key", "family")
    resumed = await conn.execute(
        _RESUME, {name: [getattr(r, name) for r in rows] for name in fields}
    )
    return set(resumed.scalars())


async def raise_alerts(conn: AsyncConnection, rows: Sequence[AlertRow]) -> set[str]:
    """Open alerts, or hold them during an outage; returns the ids of new ones that are to be sent:
    the same cause raises one alert once."""
    if not rows:
        return set()
    resumed = await _resume(conn, rows)
    rows = [row for row in rows if row.id not in resumed]
    if not rows:
        return set()
    raised = await conn.execute(
        _RAISE, {name: [getattr(r, name) for r in rows] for name in _ALERT_FIELDS}
    )
    return {row.id for row in raised if row.state == OPEN}


_UNTAKEN: Final = lifecycle_sql.is_one_of("was", FIRST_STATES)
_RESOLVE_ALERTS: Final = text(f"""
    with ended as materialized (
        select a.id, a.state as was, e.at
        from unnest(cast(:keys as bigint[]), cast(:kinds as text[]), cast(:at as timestamptz[]))
            e(key, kind, at)
        join alerts a on a.customer_key = e.key and a.kind = e.kind
            and {lifecycle_sql.may(END, "a.state")} and a.condition_ended_at is null
        for update of a
    ), resolved as (
        update alerts a set state = {lifecycle_sql.after(END)}, resolved_at = e.at,
            resolved_by = '{CONDITION_ENDED}', resolved_actor = cast(:actor as jsonb),
            condition_ended_at = e.at,
            revision = a.revision + 1
        from ended e where a.id = e.id and {_UNTAKEN} returning a.*, e.was
    ), marked as (
        update alerts a set condition_ended_at = e.at, revision = a.revision + 1
        from ended e where a.id = e.id and not {_UNTAKEN}
    )
    select id, customer_key, customer_id, kind, severity, summary, onset_at, raised_at
    from resolved where was <> '{HELD}'
""")


async def resolve_alerts(
    conn: AsyncConnection, endings: Sequence[tuple[int, str, datetime]]
) -> list[ResolvedAlert]:
    """End the alerts of (customer_key, kind) as of an instant: those that nobody took are resolved
    (returned, if they had been sent), the others say that their condition has ended."""
    if not endings:
        return []
    parameters: dict[str, Any] = {
        "keys": [e[0] for e in endings],
        "kinds": [e[1] for e in endings],
        "at": [e[2] for e in endings],
        "actor": json.dumps(ENDED_ITSELF.as_data()),
    }
    rows = await conn.execute(
        _RESOLVE_ALERTS,
        parameters,
    )
    return [ResolvedAlert(**row) for row in rows.mappings()]
