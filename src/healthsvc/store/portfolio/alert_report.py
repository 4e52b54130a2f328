"""Counts the alerts of a period by kind: how they ended, how soon somebody acted, who left."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from healthsvc.core.alerts import CONDITION_ENDED, HELD, RESOLVED
from healthsvc.store.alerts.lifecycle_sql import literal
from healthsvc.store.customers.customer_summary import LIVE
from healthsvc.store.database.engine import AsyncConnection

_REPORT: Final = f"""
    with raised as (
        select a.kind, a.customer_key, a.outcome,
            a.state = {literal(RESOLVED)} as is_resolved,
            a.state = {literal(RESOLVED)} and a.resolved_by = '{CONDITION_ENDED}' as has_ended,
            s.stage is not distinct from 'churned' as has_left,
            extract(epoch from least(
                a.acknowledged_at,
                case when a.resolved_by <> '{CONDITION_ENDED}' then a.resolved_at end
            ) - a.raised_at) / 3600 as hours
        from alerts a
        left join standings s on s.customer_key = a.customer_key and {LIVE}
        where a.scope is null and a.state <> {literal(HELD)}
            and a.raised_at >= :start and a.raised_at < :end
            and (cast(:owner as text) is null or s.owner = :owner)
    ), counted as (
        select kind, outcome, count(*) as alerts from raised where outcome is not null
        group by kind, outcome
    )
    select kind, count(*) as alerts,
        count(*) filter (where not is_resolved) as waiting,
        count(*) filter (where has_ended) as condition_ended,
        count(hours) as acted_on,
        percentile_cont(0.5) within group (order by hours) as median_hours_to_act,
        coalesce((select jsonb_object_agg(c.outcome, c.alerts) from counted c
            where c.kind = raised.kind), '{{}}') as outcomes,
        count(*) filter (where outcome = 'false_alarm')::double precision
            / nullif(count(outcome), 0) as false_alarm_share,
        count(distinct customer_key) as customers,
        count(distinct customer_key) filter (where has_left) as customers_left
    from raised group by kind order by kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKindReport:
    """What came of the alerts of one kind."""

    kind: str
    alerts: int
    waiting: int
    condition_ended: int
    acted_on: int
    median_hours_to_act: float | None
    outcomes: dict[str, int]
    false_alarm_share: float | None
    customers: int
    customers_left: int


async def report(
    conn: AsyncConnection, start: datetime, end: datetime, owner: str | None
) -> list[AlertKindReport]:
    """By kind, the alerts about customers that were raised within the period."""
    values = {"start": start, "end": end, "owner": owner}
    result = await conn.execute(text(_REPORT), values)
    return [AlertKindReport(**row) for row in result.mappings()]
