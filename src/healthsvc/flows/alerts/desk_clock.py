"""What time does at the desk: snoozed alerts come back, overdue ones are told."""

from datetime import datetime
from typing import Final

from healthsvc.core.actors import DESK
from healthsvc.core.alerts import OVERDUE, WAKE, AlertStep
from healthsvc.flows.alerts import settle
from healthsvc.flows.alerts.settle import DeskAct, Request
from healthsvc.store.alerts import alert_steps
from healthsvc.store.database.engine import AsyncEngine

LOOK_SECONDS: Final = 5.0
AT_ONCE: Final = 500


async def look(engine: AsyncEngine, now: datetime) -> int:
    """Wake what was put off until now, and tell what is overdue; answers how many. Each is a
    transaction of its own, so that what was done stays done; a stopped service does it when it is
    back."""
    async with engine.connect() as conn:
        woken = await alert_steps.due_snoozes(conn, now, AT_ONCE)
        overdue = await alert_steps.overdue(conn, now, AT_ONCE)
    steps: list[tuple[str, AlertStep]] = [
        *((alert_id, WAKE) for alert_id in woken),
        *((alert_id, OVERDUE) for alert_id in overdue),
    ]
    for alert_id, step in steps:
        await settle.take(engine, now, Request(alert_id=alert_id, by=DESK, act=DeskAct(step=step)))
    return len(steps)
