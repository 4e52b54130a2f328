"""Alerts as people see and settle them; what raises and releases them is the flush's business."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, text

from healthsvc.core.actors import Actor
from healthsvc.core.alerts import Alert, AlertState, Outcome
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

COLUMNS = (
    "id, customer_id, scope, kind, severity, state, summary, detail, onset_at, raised_at,"
    " acknowledged_at, acknowledged_by, acknowledged_actor, resolved_at, resolved_by,"
    " resolved_actor, condition_ended_at, assignee, due_at, chosen_priority, snoozed_until,"
    " snoozed_flag, snoozed_edge, overdue_at, outcome, note, revision, position"
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
    assignee: str | None = None
    outcome: Outcome | None = None
    due_before: datetime | None = None


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
        "assignee = :v": which.assignee,
        "outcome = :v": which.outcome,
        "due_at < :v": which.due_before,
    }
    rows = await newest(conn, f"select {COLUMNS} from alerts", {"position": ":k"}, where, place)
    return [from_row(row) for row in rows]


_CHANGEABLE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("state", "assignee", "chosen_priority", "outcome", "note"), "text"),
    **dict.fromkeys(("snoozed_flag", "snoozed_edge"), "text"),
    **dict.fromkeys(("acknowledged_by", "resolved_by"), "text"),
    **dict.fromkeys(("acknowledged_actor", "resolved_actor"), "jsonb"),
    **dict.fromkeys(("acknowledged_at", "resolved_at"), "timestamptz"),
    **dict.fromkeys(("due_at", "snoozed_until", "overdue_at"), "timestamptz"),
}
"""Columns that steps write, and their types."""


async def change(conn: AsyncConnection, alert_id: str, values: Mapping[str, object]) -> Alert:
    """Write what a step changes of an alert that `get` has locked; every step counts as a
    revision."""
    columns = [f"{name} = cast(:{name} as {_CHANGEABLE[name]})" for name in values]
    changed = await conn.execute(
        text(
            f"update alerts set {', '.join([*columns, 'revision = revision + 1'])}"
            f" where id = :id returning {COLUMNS}"
        ),
        {"id": alert_id} | {name: _parameter(value) for name, value in values.items()},
    )
    return from_row(changed.mappings().one())


def _parameter(value: object) -> object:
    return json.dumps(value.as_data()) if isinstance(value, Actor) else value


def from_row(row: RowMapping | dict[str, Any]) -> Alert:
    """An alert of a row of `COLUMNS`."""
    fields: dict[str, Any] = dict(row)
    for name in ("acknowledged_actor", "resolved_actor"):
        fields[name] = None if fields[name] is None else Actor(**fields[name])
    return Alert(**fields)
