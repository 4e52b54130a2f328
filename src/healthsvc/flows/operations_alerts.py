"""Operations alerts: raised once while their cause lasts, sent by webhook, resolved when the cause
ends or by a person."""

from datetime import datetime
from typing import Final

from healthsvc.core.alerts import RESOLVED, Alert
from healthsvc.core.decisions.decide import alert_id
from healthsvc.core.instants import to_us
from healthsvc.flows.changes import record
from healthsvc.store.alerts import operations
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.changes.change_log import NewChange
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.telemetry import ALERTS
from healthsvc.wire.webhooks import operations as webhooks

MODEL_DRIFT: Final = "model_drift"
"""The kind of the alert that a fitted model no longer agrees with outcomes."""


async def raise_alert(conn: AsyncConnection, trouble: Trouble, now: datetime) -> Alert | None:
    """Raise one alert and record the change, in the caller's transaction; None if one of its kind
    and scope is open already.

    The same trouble with the same onset is the same alert, so a person who resolved it isn't told
    of it again.
    """
    identity = alert_id(trouble.scope, trouble.kind, to_us(trouble.onset_at))
    alert = await operations.open_one(conn, identity, trouble, now)
    if alert is not None:
        await record.record(conn, [change(alert, now)])
        ALERTS.labels(alert.kind, "raised").inc()
    return alert


async def resolve_alert(
    conn: AsyncConnection, kind: str, scope: str, now: datetime
) -> Alert | None:
    """Resolve the open alert of this kind and scope, in the caller's transaction; None if there is
    none."""
    alert = await operations.close_one(conn, kind, scope, now)
    if alert is not None:
        await record.record(conn, [change(alert, now)])
        ALERTS.labels(alert.kind, RESOLVED).inc()
    return alert


def change(alert: Alert, now: datetime, *, note: str | None = None) -> NewChange:
    """The alert as it stands now, as a change; note: from the person who settled it."""
    data = webhooks.said_of(alert, note)
    return record.service_change(webhooks.BY_STATE[alert.state], now, data)
