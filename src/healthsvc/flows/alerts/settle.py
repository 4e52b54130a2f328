"""The desk: what people do with alerts, step by step. What raises and ends them by itself is
decided in the flush."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from healthsvc.core.actors import Actor
from healthsvc.core.alerts import (
    ACKNOWLEDGE,
    ACKNOWLEDGED,
    ASSIGN,
    COMMENT,
    OVERDUE,
    REOPEN,
    RESOLVE,
    RESOLVED,
    SNOOZE,
    SNOOZED,
    WAKE,
    Alert,
    AlertStep,
    FlagEdge,
    Priority,
    after,
)
from healthsvc.core.alerts import Outcome as AlertOutcome
from healthsvc.flows import operations_alerts
from healthsvc.flows.alerts import alerted_customers
from healthsvc.flows.changes import record
from healthsvc.store.admin import audit
from healthsvc.store.alerts import alert_rows, alert_steps
from healthsvc.store.alerts.alert_steps import TakenStep
from healthsvc.store.changes.change_log import NewChange
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.telemetry import ALERTS
from healthsvc.wire.webhooks import alerts as alert_webhooks

PAST: Final[Mapping[AlertStep, str]] = {
    ACKNOWLEDGE: ACKNOWLEDGED,
    ASSIGN: "assigned",
    COMMENT: "commented",
    SNOOZE: SNOOZED,
    WAKE: "woken",
    OVERDUE: "overdue",
    RESOLVE: RESOLVED,
    REOPEN: "reopened",
}
"""Of each step of the desk, what the audit log calls it."""
FOR_CUSTOMERS: Final = frozenset((SNOOZE, REOPEN))
"""Steps that operations alerts don't take: their cause alone ends them and raises them anew."""
NOT_SNOOZED: Final[Mapping[str, object]] = {
    "snoozed_until": None,
    "snoozed_flag": None,
    "snoozed_edge": None,
}


@dataclass(frozen=True, slots=True)
class Settled:
    """The alert is as was asked, now or already before."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such alert."""


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """The alert was changed since the revision that the caller has seen."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class Refused:
    """The alert's state doesn't allow the step."""

    alert: Alert
    step: AlertStep


Outcome: TypeAlias = Settled | Missing | ChangedSince | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskAct:
    """What is to be done with an alert; parts that don't belong to the step are None."""

    step: AlertStep
    note: str | None = None
    assignee: str | None = None
    due_at: datetime | None = None
    priority: Priority | None = None
    until: datetime | None = None
    flag: str | None = None
    edge: FlagEdge | None = None
    outcome: AlertOutcome | None = None

    def detail(self) -> dict[str, Any]:
        """What is kept beside the note."""
        parts = {name: value for name, value in asdict(self).items() if value is not None}
        del parts["step"]
        parts.pop("note", None)
        return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in parts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An actor's request about an alert; `revision` is the one they saw, None to act on any."""

    alert_id: str
    by: Actor
    act: DeskAct
    revision: int | None = None


async def find(engine: AsyncEngine, alert_id: str) -> Alert | None:
    """One alert."""
    async with engine.connect() as conn:
        return await alert_rows.get(conn, alert_id)


async def steps(engine: AsyncEngine, alert_id: str) -> list[TakenStep]:
    """What was done with an alert, the first step first."""
    async with engine.connect() as conn:
        return await alert_steps.of(conn, alert_id)


async def take(engine: AsyncEngine, now: datetime, request: Request) -> Outcome:
    """Take a step: lock, check and change the alert, keep the step, audit it and record the change,
    in one transaction. Doing what is done already changes nothing.

    It changes no health: a flag that stands goes on standing, and what raised the alert raises the
    next one only after it has been released.
    """
    act, step = request.act, request.act.step
    async with engine.begin() as conn:
        alert = await alert_rows.get(conn, request.alert_id, lock=True)
        if alert is None:
            return Missing()
        refusal = _refusal(alert, request)
        if refusal is not None:
            return refusal
        settled = await alert_rows.change(conn, alert.id, _values(alert, act, request.by, now))
        taken = TakenStep(step=step, at=now, actor=request.by, note=act.note, detail=act.detail())
        await alert_steps.add(conn, alert.id, taken)
        await audit.record(
            conn,
            now,
            actor=request.by,
            action=f"alert.{PAST[step]}",
            target=alert.id,
            detail=act.detail() | ({} if act.note is None else {"note": act.note}),
        )
        change = await _change(conn, settled, taken)
        await record.record(conn, [] if change is None else [change])
    ALERTS.labels(settled.kind, PAST[step]).inc()
    return Settled(settled)


def _refusal(alert: Alert, request: Request) -> Outcome | None:
    """Why nothing is to be changed; None if something is."""
    step, state = request.act.step, after(alert.state, request.act.step)
    is_operations = alert.customer_id is None
    if _is_done(alert, request.act):
        return Settled(alert)
    if request.revision is not None and request.revision != alert.revision:
        return ChangedSince(alert)
    if state is None or (is_operations and step in FOR_CUSTOMERS):
        return Refused(alert, step)
    return None


def _is_done(alert: Alert, act: DeskAct) -> bool:
    """Whether the alert is already as the act would leave it."""
    match act.step:
        case "acknowledge" | "resolve":
            return after(alert.state, act.step) == alert.state
        case "assign":
            wished = (act.assignee, act.due_at or alert.due_at, act.priority or alert.priority)
            is_so = wished == (alert.assignee, alert.due_at, alert.priority)
            return is_so and after(alert.state, act.step) == alert.state
        case "snooze":
            wished_for = (act.until, act.flag, act.edge)
            return wished_for == (alert.snoozed_until, alert.snoozed_flag, alert.snoozed_edge)
        case "overdue":
            return alert.overdue_at is not None
        case _:
            return False


def _values(alert: Alert, act: DeskAct, by: Actor, now: datetime) -> dict[str, object]:
    """The columns that a step writes."""
    state = after(alert.state, act.step)
    taken = {"acknowledged_at": now, "acknowledged_by": by.by, "acknowledged_actor": by}
    first = taken if alert.acknowledged_at is None else {}
    match act.step:
        case "acknowledge":
            return {"state": state, **taken, "assignee": alert.assignee or by.name, **NOT_SNOOZED}
        case "assign":
            chosen = {"due_at": act.due_at, "chosen_priority": act.priority}
            told = {name: value for name, value in chosen.items() if value is not None}
            return {"state": state, "assignee": act.assignee, **first, **told, **NOT_SNOOZED}
        case "snooze":
            until = {
                "snoozed_until": act.until,
                "snoozed_flag": act.flag,
                "snoozed_edge": act.edge,
            }
            return {"state": state, **first, **until, "assignee": alert.assignee or by.name}
        case "wake":
            return {"state": state, **NOT_SNOOZED}
        case "overdue":
            return {"overdue_at": now}
        case "resolve":
            ended = {"resolved_at": now, "resolved_by": by.by, "resolved_actor": by}
            return {
                "state": state,
                **ended,
                "outcome": act.outcome,
                "note": act.note,
                **NOT_SNOOZED,
            }
        case "reopen":
            cleared = dict.fromkeys(
                ("resolved_at", "resolved_by", "resolved_actor", "outcome", "note", "overdue_at")
            )
            return {"state": state, **taken, **cleared, "assignee": alert.assignee or by.name}
        case _:
            return {}


async def _change(conn: AsyncConnection, alert: Alert, taken: TakenStep) -> NewChange | None:
    """What subscribers are told; of an operations alert only that it was taken on or settled."""
    if alert.customer_id is None:
        if taken.step not in operations_alerts.TOLD_STEPS:
            return None
        return operations_alerts.change(alert, taken.at, note=taken.note)
    customers = await alerted_customers.read(conn, [alert.customer_id], taken.at)
    customer = customers[alert.customer_id]
    data = alert_webhooks.desk_step(alert, customer.object, taken.actor, taken.note)
    return customer.change(alert_webhooks.BY_STEP[taken.step], data)
