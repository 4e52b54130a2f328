"""Whom a worklist is made from: alerts that somebody may act on, and customers that stand badly
whether or not an alert was raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from healthsvc.core.alerts import ACTIONABLE, RESOLVED, SNOOZE, SNOOZED, Alert, AlertState
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.alerts.alert_rows import COLUMNS, from_row
from healthsvc.store.database.engine import AsyncConnection

MOST: Final = 1_000
MOST_CANDIDATES: Final = 2_000
_ALERT: Final = ", ".join(f"a.{column.strip()}" for column in COLUMNS.split(","))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An alert that is open or acknowledged, and its customer."""

    alert: Alert
    name: str | None
    owner: str | None
    tier: str | None


async def waiting(
    conn: AsyncConnection,
    *,
    owner: str | None,
    kind: str | None = None,
    severity: str | None = None,
    state: AlertState | None = None,
    customer_id: str | None = None,
) -> list[Waiting]:
    """The newest `MOST` of them; owner: only those that this person has, or that nobody has of this
    owner's customers."""
    filters = {
        "coalesce(a.assignee, s.owner) = :owner": owner,
        "a.kind = :kind": kind,
        "a.severity = :severity": severity,
        "a.state = :state": state,
        "a.customer_id = :customer_id": customer_id,
    }
    conditions = [
        "a.scope is null",
        lifecycle_sql.is_one_of("a.state", ACTIONABLE),
        *(c for c, v in filters.items() if v is not None),
    ]
    rows = await conn.execute(
        text(f"""
            select {_ALERT}, s.name as customer_name, s.owner as customer_owner,
                s.tier as customer_tier
            from alerts a left join standings s on s.customer_key = a.customer_key
                and s.projection = (select id from projections where state = 'live')
            where {" and ".join(conditions)} order by a.position desc limit {MOST}
        """),
        {
            "owner": owner,
            "kind": kind,
            "severity": severity,
            "state": state,
            "customer_id": customer_id,
        },
    )
    alerts: list[Waiting] = []
    for row in rows.mappings():
        fields = dict(row)
        name, who, tier = (fields.pop(f"customer_{field}") for field in ("name", "owner", "tier"))
        alerts.append(Waiting(alert=from_row(fields), name=name, owner=who, tier=tier))
    return alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A customer in a low band or with a flag that asks for a call, as last decided."""

    customer_id: str
    name: str | None
    owner: str | None
    tier: str | None


_CANDIDATES: Final = text(f"""
    select s.customer_id, s.name, s.owner, s.tier from standings s
    where s.projection = (select id from projections where state = 'live')
        and (cast(:owner as text) is null or s.owner = :owner)
        and (s.band = any(cast(:bands as text[])) or s.flags && cast(:flags as text[]))
        and not s.flags && cast(:gone as text[])
    order by s.flags && cast(:critical as text[]) desc,
        array_position(cast(:bands as text[]), s.band), s.risk desc nulls last, s.customer_key
    limit {MOST_CANDIDATES}
""")


async def candidates(
    conn: AsyncConnection,
    *,
    owner: str | None,
    bands: Sequence[str],
    flags: Sequence[str],
    critical: Sequence[str],
    gone: Sequence[str],
) -> list[Candidate]:
    """The first `MOST_CANDIDATES` of those in one of the bands (the worst named first) or with one
    of the flags, without those that have left (`gone`). critical: flags whose holders come
    first."""
    values = {
        "owner": owner,
        "bands": list(bands),
        "flags": list(flags),
        "critical": list(critical),
        "gone": list(gone),
    }
    rows = await conn.execute(_CANDIDATES, values)
    return [Candidate(**row) for row in rows.mappings()]


_ELSEWHERE: Final = text(f"""
    select distinct customer_id from alerts
    where assignee <> :owner and scope is null
        and {lifecycle_sql.is_one_of("state", ACTIONABLE)}
""")
_HANDLED: Final = text(f"""
    select a.customer_id, max(case when {lifecycle_sql.is_one_of("a.state", (RESOLVED,))}
        then a.resolved_at else s.at end) as at
    from alerts a left join lateral (
        select max(t.at) as at from alert_steps t where t.alert_id = a.id and t.step = '{SNOOZE}'
    ) s on true
    where a.scope is null and (
        {lifecycle_sql.is_one_of("a.state", (SNOOZED,))}
        or {lifecycle_sql.is_one_of("a.state", (RESOLVED,))} and a.resolved_at > :since
            and a.resolved_actor ->> 'kind' in ('person', 'key'))
    group by a.customer_id
""")


async def had_by_others(conn: AsyncConnection, owner: str) -> set[str]:
    """Customers of which somebody else has an alert."""
    return set((await conn.execute(_ELSEWHERE, {"owner": owner})).scalars())


async def handled(conn: AsyncConnection, since: datetime) -> dict[str, datetime]:
    """Customers of which somebody has put an alert off, or resolved one since: when, the last
    time."""
    rows = await conn.execute(_HANDLED, {"since": since})
    return {row.customer_id: row.at for row in rows if row.at is not None}
