"""Reads the customers whose subscription renews within a period, from the live projection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from healthsvc.core.alerts import ACTIONABLE
from healthsvc.store.alerts.lifecycle_sql import is_one_of
from healthsvc.store.customers.customer_summary import LIVE
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import INSTANT, Place

_WHERE: Final = (
    f"{LIVE} and s.renewal_at >= :start and s.renewal_at < :end and s.stage <> 'churned'"
    " and (s.segment is null or s.segment <> all(cast(:test_segments as text[])))"
    " and (cast(:owner as text) is null or s.owner = :owner)"
)
_SELECT: Final = f"""
    select s.customer_key, s.customer_id, s.name, s.owner, s.segment, s.tier, s.stage, s.band,
        s.score, s.risk, s.mrr, s.currency, s.renewal_at, s.flags,
        alert.id as alert_id, alert.assignee
    from standings s
    left join lateral (
        select a.id, coalesce(a.assignee, a.acknowledged_by) as assignee from alerts a
        where a.customer_key = s.customer_key and {is_one_of("a.state", ACTIONABLE)}
        order by coalesce(a.assignee, a.acknowledged_by) is null, a.severity = 'critical' desc,
            a.position desc
        limit 1
    ) alert on true
    where {_WHERE}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalQuery:
    """Which renewals: from an instant on, before another one; of an owner, or of everybody."""

    start: datetime
    end: datetime
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRow:
    """A customer whose subscription renews, as last decided."""

    customer_key: int
    customer_id: str
    name: str | None
    owner: str | None
    segment: str | None
    tier: str | None
    stage: str
    band: str | None
    score: float | None
    risk: float | None
    mrr: float | None
    currency: str | None
    renewal_at: datetime
    flags: Sequence[str]
    alert_id: str | None
    assignee: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalTotal:
    """All renewals of the period in one currency."""

    currency: str | None
    renewals: int
    without_mrr: int
    mrr: float
    renewals_at_risk: int
    mrr_at_risk: float


async def page(
    conn: AsyncConnection, which: RenewalQuery, test_segments: Sequence[str], place: Place
) -> list[RenewalRow]:
    """One page by date, in the list's order whichever way it was read."""
    values, beyond = _values(which, test_segments), ""
    if place.keys is not None:
        instant = INSTANT.replace(":k", ":after")
        sign = "<" if place.backwards else ">"
        beyond = f" and (s.renewal_at, s.customer_key) {sign} ({instant}, :key)"
        values |= {"after": place.keys[0], "key": place.keys[1]}
    way = "desc" if place.backwards else "asc"
    statement = f"{_SELECT}{beyond} order by s.renewal_at {way}, s.customer_key {way} limit :limit"
    result = await conn.execute(text(statement), values | {"limit": place.limit})
    rows = [RenewalRow(**row) for row in result.mappings()]
    return rows[::-1] if place.backwards else rows


async def totals(
    conn: AsyncConnection,
    which: RenewalQuery,
    test_segments: Sequence[str],
    low_bands: Sequence[str],
) -> list[RenewalTotal]:
    """The totals by currency; customers in these bands are at risk."""
    is_low = "s.band = any(cast(:low_bands as text[]))"
    result = await conn.execute(
        text(f"""
            select s.currency, count(*) as renewals,
                count(*) filter (where s.mrr is null) as without_mrr,
                coalesce(sum(s.mrr), 0) as mrr,
                count(*) filter (where {is_low}) as renewals_at_risk,
                coalesce(sum(s.mrr) filter (where {is_low}), 0) as mrr_at_risk
            from standings s where {_WHERE}
            group by s.currency order by s.currency nulls last
        """),
        _values(which, test_segments) | {"low_bands": list(low_bands)},
    )
    return [RenewalTotal(**row) for row in result.mappings()]


def _values(which: RenewalQuery, test_segments: Sequence[str]) -> dict[str, object]:
    return {
        "start": which.start,
        "end": which.end,
        "owner": which.owner,
        "test_segments": list(test_segments),
    }
