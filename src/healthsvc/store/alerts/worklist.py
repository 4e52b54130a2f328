"""Open alerts with the columns of their customers' summaries that a rank is computed from."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from healthsvc.core.alerts import ACTIONABLE, Alert, AlertState
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.alerts.alert_rows import COLUMNS, from_row
from healthsvc.store.database.engine import AsyncConnection

MOST: Final = 1_000
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
    """The newest `MOST` of them; owner: only of this owner's customers."""
    filters = {
        "s.owner = :owner": owner,
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
