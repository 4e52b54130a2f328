"""Dropping what is past its time: whole days of the archive, folded entries of the table log,
changes of the feed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from healthsvc.store.changes import change_reads
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.intake import log as table_log
from healthsvc.store.processing import archive
from healthsvc.telemetry import LogEvent

EACH_SECONDS: Final = 3600.0
TRIMMED_AT_ONCE: Final = 10_000

log = structlog.get_logger(__name__)


async def trim_log(engine: AsyncEngine, keep: timedelta) -> int:
    """Delete entries of the table log that every projection has folded and that are older; answers
    how many."""
    deleted = 0
    while True:
        async with engine.begin() as conn:
            page = await table_log.trim(conn, keep=keep, limit=TRIMMED_AT_ONCE)
        deleted += page
        if page < TRIMMED_AT_ONCE:
            break
    if deleted:
        log.info(LogEvent.HOUSEKEEPING, trimmed=deleted)
    return deleted


async def drop_old_days(engine: AsyncEngine, days: int, now: datetime) -> list[str]:
    """Drop what was logged on days before the last `days`; answers what was dropped. Several may do
    so at once."""
    first_kept = now.astimezone(UTC).date() - timedelta(days=days)
    async with engine.begin() as conn:
        dropped = await archive.drop_before(conn, first_kept)
    if dropped:
        log.info(LogEvent.HOUSEKEEPING, dropped=dropped)
    return dropped


async def drop_old_changes(
    engine: AsyncEngine, keep: timedelta, progressed: Callable[[], None]
) -> int:
    """Delete changes of the feed that were recorded longer ago; answers how many."""
    async with engine.connect() as conn:
        partitions = sorted(await change_reads.extents(conn))
    deleted = 0
    for partition in partitions:
        page = TRIMMED_AT_ONCE
        while page == TRIMMED_AT_ONCE:
            async with engine.begin() as conn:
                page = await change_reads.drop_before(
                    conn, partition, keep=keep, limit=TRIMMED_AT_ONCE
                )
            deleted += page
            progressed()
    if deleted:
        log.info(LogEvent.HOUSEKEEPING, changes_dropped=deleted)
    return deleted
