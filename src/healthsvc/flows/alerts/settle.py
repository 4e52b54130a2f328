"""Alerts settled by people: acknowledged, resolved. What raises and releases them by itself is decided in the flush."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from healthsvc.core.folding import decision_state
from healthsvc.flows import operations_alerts
from healthsvc.store.admin import audit
from healthsvc.store.alerts import alert_rows
from healthsvc.store.alerts.alert_rows import Alert
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.delivery import deliveries
from healthsvc.store.delivery.deliveries import OutboxMessage
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection
from healthsvc.telemetry import ALERTS
from healthsvc.wire.webhooks import bodies


@dataclass(frozen=True, slots=True)
class Settled:
    """The alert is in the state asked for, now or already before."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such alert."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The alert was changed since the revision that the caller has seen."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class Closed:
    """The alert is resolved: it can't be acknowledged any more."""

    alert: Alert


Outcome: TypeAlias = Settled | Missing | Stale | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who wants what of which alert; `revision` is the one they have seen, None if they don't care."""

    alert_id: str
    by: str
    revision: int | None = None
    note: str | None = None


async def find(engine: AsyncEngine, alert_id: str) -> Alert | None:
    """One alert."""
    async with engine.connect() as conn:
        return await alert_rows.get(conn, alert_id)


async def acknowledge(engine: AsyncEngine, now: datetime, request: Request) -> Outcome:
    """Somebody takes an open alert on. Doing it again changes nothing."""
    return await _settle(engine, now, request, "acknowledged", alert_rows.acknowledge)


async def resolve(engine: AsyncEngine, now: datetime, request: Request) -> Outcome:
    """Somebody declares an alert done, acknowledged or not. Doing it again changes nothing.

    It changes no health: a flag that stands goes on standing, and what raised the alert raises the next one only after
    it has been released.
    """
    return await _settle(engine, now, request, "resolved", alert_rows.resolve)


async def _settle(
    engine: AsyncEngine,
    now: datetime,
    request: Request,
    state: str,
    change: Callable[[AsyncConnection, str, str, datetime], Awaitable[Alert]],
) -> Outcome:
    """Lock, check, change, tell and write down, in one transaction."""
    async with engine.begin() as conn:
        alert = await alert_rows.get(conn, request.alert_id, lock=True)
        refusal = _refusal(alert, request, state)
        if refusal is not None:
            return refusal
        settled = await change(conn, request.alert_id, request.by, now)
        if settled.customer_id is None:
            message = operations_alerts.message(settled, now, note=request.note)
        else:
            message = _message(settled, now, request.note, await _last_sequence(conn, settled.customer_id))
        await deliveries.enqueue(conn, [message])
        await audit.record(
            conn, now, actor=request.by, action=f"alert.{state}", target=settled.id, detail=_detail(request)
        )
    ALERTS.labels(settled.kind, state).inc()
    return Settled(settled)


def _refusal(alert: Alert | None, request: Request, state: str) -> Outcome | None:
    """Why nothing is to be changed; None if something is."""
    if alert is None:
        return Missing()
    if alert.state == state:
        return Settled(alert)
    if request.revision is not None and request.revision != alert.revision:
        return Stale(alert)
    return Closed(alert) if alert.state == "resolved" else None


async def _last_sequence(conn: AsyncConnection, customer_id: str) -> int:
    """The number of the last decision told about the customer: what people do comes after that one, before the next."""
    live = await live_projection.live(conn)
    found = await states.by_ids(conn, live.id, [customer_id])
    decision = found[0].decision if found else None
    return decision_state.last_sequence(decision)


def _message(alert: Alert, now: datetime, note: str | None, sequence: int) -> OutboxMessage:
    kind = f"alert.{alert.state}"
    data = {
        "id": alert.id,
        "customer_id": alert.customer_id,
        "kind": alert.kind,
        "severity": alert.severity,
        "state": alert.state,
        "summary": alert.summary,
        "onset_at": alert.onset_at,
        "raised_at": alert.raised_at,
        "by": alert.resolved_by if alert.state == "resolved" else alert.acknowledged_by,
        "note": note,
        "detail": alert.detail,
        "sequence": sequence,
    }
    return OutboxMessage(
        id=f"msg_{secrets.token_hex(16)}",
        type=kind,
        customer_id=alert.customer_id,
        body=bodies.body(kind, now, data),
        logged_at=None,
    )


def _detail(request: Request) -> dict[str, object]:
    return {} if request.note is None else {"note": request.note}
