"""Operations alerts: about the service and what feeds it; in the table of alerts, with a scope and
no customer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from healthsvc.core.alerts import CONDITION_ENDED, END, ENDED_ITSELF, OPEN, Alert
from healthsvc.core.severity import Severity
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.alerts.alert_rows import COLUMNS, from_row
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The cause of an operations alert: `kind` names what (fleet_guard, model_drift), `scope` of
    what."""

    kind: str
    scope: str
    severity: Severity
    summary: str
    """One sentence for a person."""
    onset_at: datetime
    detail: Mapping[str, Any]
    """The facts behind it, ready for JSON."""


async def open_one(
    conn: AsyncConnection, alert_id: str, trouble: Trouble, now: datetime
) -> Alert | None:
    """Open an alert; None where one of this kind and scope is open or acknowledged already."""
    inserted = await conn.execute(
        text(f"""
            insert into alerts (id, scope, kind, severity, state, summary, detail, onset_at,
                raised_at)
            values (
                :id, :scope, :kind, :severity, {lifecycle_sql.literal(OPEN)}, :summary,
                    cast(:detail as jsonb),
                :onset_at, :now
            )
            on conflict do nothing returning {COLUMNS}
        """),
        {
            "id": alert_id,
            "scope": trouble.scope,
            "kind": trouble.kind,
            "severity": trouble.severity,
            "summary": trouble.summary,
            "detail": json.dumps(trouble.detail),
            "onset_at": trouble.onset_at,
            "now": now,
        },
    )
    row = inserted.mappings().first()
    return None if row is None else from_row(row)


async def close_one(conn: AsyncConnection, kind: str, scope: str, now: datetime) -> Alert | None:
    """Resolve the open alert of this kind and scope since its cause is gone; None where there is
    none."""
    changed = await conn.execute(
        text(
            f"update alerts set state = {lifecycle_sql.after(END)}, resolved_at = :now,"
            f" resolved_by = '{CONDITION_ENDED}', resolved_actor = cast(:actor as jsonb),"
            " condition_ended_at = :now, revision = revision + 1"
            f" where kind = :kind and scope = :scope and {lifecycle_sql.may(END, 'state')}"
            f" returning {COLUMNS}"
        ),
        {"kind": kind, "scope": scope, "now": now, "actor": json.dumps(ENDED_ITSELF.as_data())},
    )
    row = changed.mappings().first()
    return None if row is None else from_row(row)
