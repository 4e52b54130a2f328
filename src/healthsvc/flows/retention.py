"""Dropping archived events that are past their time: whole days, which costs next to nothing."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from healthsvc.store import archive
from healthsvc.store.engine import AsyncEngine
from healthsvc.store.outage import is_outage
from healthsvc.telemetry import LogEvent

EACH_SECONDS: Final = 3600.0

log = structlog.get_logger(__name__)


async def keep_archive(engine: AsyncEngine, days: int, now: Callable[[], datetime], stop: asyncio.Event) -> None:
    """Until `stop`, look each hour for days of the archive that are older than `days`, and drop them."""
    while not stop.is_set():
        try:
            await drop_old_days(engine, days, now())
        except Exception as error:
            if not is_outage(error):
                raise
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EACH_SECONDS)


async def drop_old_days(engine: AsyncEngine, days: int, now: datetime) -> list[str]:
    """Drop what was logged on days before the last `days`; answers what was dropped. Several may do so at once."""
    first_kept = now.astimezone(UTC).date() - timedelta(days=days)
    async with engine.begin() as conn:
        dropped = await archive.drop_before(conn, first_kept)
    if dropped:
        log.info(LogEvent.HOUSEKEEPING, dropped=dropped)
    return dropped
