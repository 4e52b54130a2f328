"""Alerts settled by people: acknowledged, resolved. What raises and releases them by itself is
decided in the flush."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from healthsvc.core.actors import Actor
from healthsvc.core.alerts import ACKNOWLEDGE, RESOLVE, Alert, AlertStep, after
from healthsvc.core.folding import decision_state
from healthsvc.flows import operations_alerts
from healthsvc.store.admin import audit
from healthsvc.store.alerts import alert_rows
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.delivery import outbox
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection
from healthsvc.telemetry import ALERTS
from healthsvc.wire.webhooks import alerts as alert_webhooks


@dataclass(frozen=True, slots=True)
class Settled:
    """The alert is in the state asked for, now or already before."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such alert."""


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """The alert was changed since the revision that the caller has seen."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class AlreadyResolved:
    """The alert is resolved: it can't be acknowledged any more."""

    alert: Alert


Outcome: TypeAlias = Settled | Missing | ChangedSince | AlreadyResolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An actor's request to settle an alert; `revision` is the one they saw, None to settle any."""

    alert_id: str
    by: Actor
    revision: int | None = None
    note: str | None = None


async def find(engine: AsyncEngine, alert_id: str) -> Alert | None:
    """One alert."""
    async with engine.connect() as conn:
        return await alert_rows.get(conn, alert_id)


async def acknowledge(engine: AsyncEngine, now: datetime, request: Request) -> Outcome:
    """Acknowledge an open alert for an actor. Doing it again changes nothing."""
    return await _settle(engine, now, request, ACKNOWLEDGE, alert_rows.acknowledge)


async def resolve(engine: AsyncEngine, now: datetime, request: Request) -> Outcome:
    """Resolve an alert for an actor, acknowledged or not. Doing it again changes nothing.

    It changes no health: a flag that stands goes on standing, and what raised the alert raises the
    next one only after it has been released.
    """
    return await _settle(engine, now, request, RESOLVE, alert_rows.resolve)


async def _settle(
    engine: AsyncEngine,
    now: datetime,
    request: Request,
    step: AlertStep,
    change: Callable[[AsyncConnection, str, Actor, datetime], Awaitable[Alert]],
) -> Outcome:
    """Lock, check and change the alert, enqueue its webhook and audit it, in one transaction."""
    async with engine.begin() as conn:
        alert = await alert_rows.get(conn, request.alert_id, lock=True)
        refusal = _refusal(alert, request, step)
        if refusal is not None:
            return refusal
        settled = await change(conn, request.alert_id, request.by, now)
        if settled.customer_id is None:
            message = operations_alerts.message(settled, now, note=request.note)
        else:
            message = _message(
                settled, now, request.note, await _last_sequence(conn, settled.customer_id)
            )
        await outbox.enqueue(conn, [message])
        await audit.record(
            conn,
            now,
            actor=request.by,
            action=f"alert.{settled.state}",
            target=settled.id,
            detail=_detail(request),
        )
    ALERTS.labels(settled.kind, settled.state).inc()
    return Settled(settled)


def _refusal(alert: Alert | None, request: Request, step: AlertStep) -> Outcome | None:
    """Why nothing is to be changed; None if something is."""
    if alert is None:
        return Missing()
    state = after(alert.state, step)
    if state == alert.state:
        return Settled(alert)
    if request.revision is not None and request.revision != alert.revision:
        return ChangedSince(alert)
    return AlreadyResolved(alert) if state is None else None


async def _last_sequence(conn: AsyncConnection, customer_id: str) -> int:
    """The sequence number of the customer's last published decision; an alert settled by a person
    comes after it and before the next."""
    live = await live_projection.live(conn)
    rows = await states.by_ids(conn, live.id, [customer_id])
    decision = rows[0].decision if rows else None
    return decision_state.last_sequence(decision)


def _message(alert: Alert, now: datetime, note: str | None, sequence: int) -> OutboxMessage:
    type = alert_webhooks.SETTLED[alert.state]
    return OutboxMessage(
        id=f"msg_{secrets.token_hex(16)}",
        type=type.name,
        customer_id=alert.customer_id,
        body=type.body(now, alert_webhooks.settled(alert, note, sequence)),
        logged_at=None,
    )


def _detail(request: Request) -> dict[str, object]:
    return {} if request.note is None else {"note": request.note}
