"""Supervises projections in the background: builds the requested one, and clears the retired
one."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.projections.build_faults import CannotBuild, Overtaken
from healthsvc.flows.projections.rebuild import Builder
from healthsvc.store.database.engine import AsyncEngine, autocommit_connection
from healthsvc.store.intake.log import FAULTS
from healthsvc.store.processing.partitions import Fenced
from healthsvc.store.projections import archive_fold, publications, switching
from healthsvc.telemetry import LogEvent

LOOK_SECONDS: Final = 1.0
GRACE_SECONDS: Final = 60.0
"""Readers that began under the retired projection have so long to end."""
MARKED_AT_ONCE: Final = 5_000
CLEARED_AT_ONCE: Final = 5_000

log = structlog.get_logger()


def _nothing() -> None:
    """Take no note of the progress."""


async def build_what_is_asked(
    engine: AsyncEngine,
    *,
    worker_id: str,
    limits: MemoryLimits,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    progressed: Callable[[], None] = _nothing,
) -> bool:
    """Build the requested projection unless another worker does; True once one has become live. Any
    number may look at once: one builds, and another takes over should it die.

    Whatever breaks in it, but the database's own faults, gives the building up: the live projection
    isn't touched.
    """
    async with autocommit_connection(engine) as conn:
        requested = await publications.building(conn)
    if requested is None:
        return False
    try:
        builder = Builder(
            engine, requested, builder=worker_id, limits=limits, now=now, progressed=progressed
        )
        return await builder.build(stop)
    except (Overtaken, Fenced, CannotBuild):  # another builder has it, or it is given up already
        return False
    except FAULTS:
        raise
    except Exception as error:
        log.error(LogEvent.PROJECTION_GIVEN_UP, projection=requested.id, exc_info=True)
        async with engine.begin() as conn:
            why = f"Building broke: {type(error).__name__}: {error}"
            await publications.give_up(conn, requested.id, why, builder=worker_id)
        return False


async def mark_version_change(engine: AsyncEngine) -> None:
    """Mark the change of version in the history of the customers whose score, band or flags it
    changed."""
    async with autocommit_connection(engine) as conn:
        change = await switching.unmarked(conn)
        if change is None:
            return
        new, old = change
        after: int | None = await switching.marked_up_to(conn, new)
    while after is not None:
        async with engine.begin() as conn:
            await switching.mark_alone(conn)
            if await switching.unmarked(conn) != change:
                return
            after = await switching.mark(
                conn, new, old, max(after, await switching.marked_up_to(conn, new)), MARKED_AT_ONCE
            )
            if after is None:
                await switching.marked(conn, new)


async def clear_up(engine: AsyncEngine) -> None:
    """Finish what a change of projection leaves to be done."""
    await mark_version_change(engine)
    await clear_retired(engine)


async def clear_retired(engine: AsyncEngine, grace_seconds: float = GRACE_SECONDS) -> None:
    """Delete the rows of projections that are served no longer, in small steps."""
    async with autocommit_connection(engine) as conn:
        retired = await switching.to_clear(conn, grace_seconds)
    if retired is None:
        return
    async with autocommit_connection(engine) as conn:
        nothing_built = await publications.building(conn) is None
    if nothing_built:
        await archive_fold.drop_indexes(engine)  # of a building that was cancelled
    cleared = False
    while not cleared:
        async with engine.begin() as conn:
            cleared = await switching.clear(conn, retired, CLEARED_AT_ONCE)
        await asyncio.sleep(0)
    log.info(LogEvent.PROJECTION_CLEARED, projection=retired)
