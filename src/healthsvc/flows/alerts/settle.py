"""Alerts settled by people: acknowledged, resolved. What raises and releases them by itself is
decided in the flush."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from healthsvc.core.actors import Actor
from healthsvc.core.alerts import ACKNOWLEDGE, RESOLVE, Alert, AlertStep, after
from healthsvc.flows import operations_alerts
from healthsvc.flows.alerts import alerted_customers
from healthsvc.flows.changes import record
from healthsvc.store.admin import audit
from healthsvc.store.alerts import alert_rows
from healthsvc.store.changes.change_log import NewChange
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
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
    """Lock, check and change the alert, audit it and record the change, in one transaction."""
    async with engine.begin() as conn:
        alert = await alert_rows.get(conn, request.alert_id, lock=True)
        refusal = _refusal(alert, request, step)
        if refusal is not None:
            return refusal
        settled = await change(conn, request.alert_id, request.by, now)
        await audit.record(
            conn,
            now,
            actor=request.by,
            action=f"alert.{settled.state}",
            target=settled.id,
            detail=_detail(request),
        )
        await record.record(conn, [await _change(conn, settled, now, request.note)])
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


async def _change(
    conn: AsyncConnection, alert: Alert, now: datetime, note: str | None
) -> NewChange:
    if alert.customer_id is None:
        return operations_alerts.change(alert, now, note=note)
    customers = await alerted_customers.read(conn, [alert.customer_id], now)
    customer = customers[alert.customer_id]
    data = alert_webhooks.settled(alert, customer.object, note)
    return customer.change(alert_webhooks.SETTLED[alert.state], data)


def _detail(request: Request) -> dict[str, object]:
    return {} if request.note is None else {"note": request.note}
