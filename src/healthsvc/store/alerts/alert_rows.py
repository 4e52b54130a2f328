"""Alerts as people see and settle them; what raises and releases them is the flush's business."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text

from healthsvc.core.actors import Actor
from healthsvc.core.alerts import ACKNOWLEDGE, RESOLVE, Alert, AlertState
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

COLUMNS = (
    "id, customer_id, scope, kind, severity, state, summary, detail, onset_at, raised_at,"
    " acknowledged_at, acknowledged_by, acknowledged_actor, resolved_at, resolved_by,"
    " resolved_actor, condition_ended_at, revision, position"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertQuery:
    """Which alerts; None: whichever."""

    operations: bool = False
    """Those about the service, instead of those about customers."""
    customer_id: str | None = None
    kind: str | None = None
    state: AlertState | None = None
    severity: str | None = None
    owner: str | None = None
    """Of the customer."""


async def get(conn: AsyncConnection, alert_id: str, *, lock: bool = False) -> Alert | None:
    """One alert; `lock` protects it from other changes until the transaction's end."""
    suffix = " for update" if lock else ""
    rows = await conn.execute(
        text(f"select {COLUMNS} from alerts where id = :id{suffix}"), {"id": alert_id}
    )
    row = rows.mappings().first()
    return None if row is None else from_row(row)


_OF_OWNER = """customer_key in (
    select s.customer_key from standings s
    where s.owner = :v and s.projection = (select id from projections where state = 'live')
)"""


async def page(conn: AsyncConnection, which: AlertQuery, place: Place) -> list[Alert]:
    """Alerts, the last raised first."""
    where: dict[str, object] = {
        "(scope is not null) = cast(:v as boolean)": which.operations,
        "customer_id = :v": which.customer_id,
        "kind = :v": which.kind,
        "state = :v": which.state,
        "severity = :v": which.severity,
        _OF_OWNER: which.owner,
    }
    rows = await newest(conn, f"select {COLUMNS} from alerts", {"position": ":k"}, where, place)
    return [from_row(row) for row in rows]


async def acknowledge(conn: AsyncConnection, alert_id: str, by: Actor, now: datetime) -> Alert:
    """An open alert, locked by `get`, becomes acknowledged."""
    changed = await conn.execute(
        text(
            f"update alerts set state = {lifecycle_sql.after(ACKNOWLEDGE)},"
            " acknowledged_at = :now, acknowledged_by = :by,"
            " acknowledged_actor = cast(:actor as jsonb), revision = revision + 1"
            f" where id = :id returning {COLUMNS}"
        ),
        {"id": alert_id, "by": by.by, "actor": json.dumps(by.as_data()), "now": now},
    )
    return from_row(changed.mappings().one())


async def resolve(conn: AsyncConnection, alert_id: str, by: Actor, now: datetime) -> Alert:
    """An alert that isn't resolved, locked by `get`, becomes so."""
    changed = await conn.execute(
        text(
            f"update alerts set state = {lifecycle_sql.after(RESOLVE)}, resolved_at = :now,"
            " resolved_by = :by, resolved_actor = cast(:actor as jsonb), revision = revision + 1"
            f" where id = :id returning {COLUMNS}"
        ),
        {"id": alert_id, "by": by.by, "actor": json.dumps(by.as_data()), "now": now},
    )
    return from_row(changed.mappings().one())


def from_row(row: RowMapping | dict[str, Any]) -> Alert:
    """An alert of a row of `COLUMNS`."""
    fields: dict[str, Any] = dict(row)
    for name in ("acknowledged_actor", "resolved_actor"):
        fields[name] = None if fields[name] is None else Actor(**fields[name])
    return Alert(**fields)
