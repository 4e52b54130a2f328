"""Postpones a poison timer, and notes it for readiness and for the operator."""

from datetime import datetime, timedelta

import structlog

from healthsvc.flows.processing.faults.poison_timers import PoisonTimer
from healthsvc.flows.processing.leases import Leases
from healthsvc.flows.readiness.postponed import PostponedTimers
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import timers
from healthsvc.telemetry import TIMERS_POSTPONED, LogEvent


async def postpone(
    engine: AsyncEngine,
    leases: Leases,
    poison: PoisonTimer,
    postponed: PostponedTimers,
    delay: timedelta,
    now: datetime,
) -> None:
    """Move the timer by `delay`, unless its partition is owned no longer."""
    async with engine.begin() as conn:
        customer_id = await timers.postpone(
            conn, leases.projection, leases.owner, poison.customer_key, now + delay
        )
    if customer_id is None:
        return
    seconds = delay.total_seconds()
    TIMERS_POSTPONED.inc()
    postponed.postponed(poison.customer_key, customer_id, poison.error, seconds)
    structlog.get_logger().error(
        LogEvent.TIMER_POSTPONED, customer_id=customer_id, seconds=seconds, error=poison.error
    )
