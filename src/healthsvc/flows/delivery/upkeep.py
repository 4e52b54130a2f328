"""Periodic upkeep of deliveries: deletes old ones, and measures the age of the oldest one that
waits."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from healthsvc.flows.delivery.deliver import CONTENTION_SECONDS
from healthsvc.store.database.engine import AsyncEngine, autocommit_connection
from healthsvc.store.delivery import deliveries
from healthsvc.telemetry import (
    OUTBOX_AGE,
)

RETENTION: Final = timedelta(days=30)
SWEEP_CHUNK: Final = 500


async def show_age(engine: AsyncEngine) -> None:
    """Show the outbox's age as a metric."""
    async with autocommit_connection(engine) as conn:
        OUTBOX_AGE.set(await deliveries.oldest_untried_seconds(conn))


async def sweep(engine: AsyncEngine, now: datetime, keep: timedelta = RETENTION) -> int:
    """Delete messages, deliveries and attempts older than `keep`, in short transactions; answers
    how many messages."""
    total = 0
    while True:
        async with engine.begin() as conn:
            deleted = await deliveries.delete_old(conn, now - keep, SWEEP_CHUNK)
        total += deleted
        if deleted < SWEEP_CHUNK:
            return total
        await asyncio.sleep(CONTENTION_SECONDS)
