"""A warm start: what a worker will need of the database is read in one go while it begins.

After a restart PostgreSQL has nothing in memory, and each customer whose event comes costs it some
pages from all over the disk. Read one after another they cost a fraction of that.
"""

import asyncio
from time import perf_counter

import structlog

from healthsvc.store.database.engine import AsyncEngine, autocommit_connection
from healthsvc.store.intake.log import FAULTS
from healthsvc.store.processing import warm_start
from healthsvc.telemetry import LogEvent

log = structlog.get_logger(__name__)


async def warm(engine: AsyncEngine, stop: asyncio.Event) -> int:
    """Have PostgreSQL read the customers' rows, as far as they fit, unless another worker is at it;
    answers how many blocks it read. A help, not a duty: an error of the database, or the lack of
    its extension, ends it and nothing else."""
    began, blocks = perf_counter(), 0
    try:
        async with autocommit_connection(engine) as conn:
            if not await warm_start.is_possible(conn):
                log.info(
                    LogEvent.DATABASE_COLD,
                    why="pg_prewarm isn't installed: create extension pg_prewarm",
                )
                return 0
            if not await warm_start.claim(conn):
                return 0
            try:
                for relation in await warm_start.worth_reading(conn):
                    for first in range(0, relation.blocks, warm_start.BLOCKS_AT_ONCE):
                        if stop.is_set():
                            return blocks
                        blocks += await warm_start.read(conn, relation, first)
            finally:
                await warm_start.release(conn)
    except FAULTS as error:
        log.info(LogEvent.DATABASE_COLD, error=f"{type(error).__name__}: {error}")
    else:
        log.info(LogEvent.DATABASE_WARMED, blocks=blocks, seconds=round(perf_counter() - began, 3))
    return blocks
