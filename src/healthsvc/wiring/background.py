"""The periodic work of each role: every background step, declared once, for `runtime.run_every`."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from healthsvc.flows.admin import retention
from healthsvc.flows.alerts import measure_coverage, outage_detection
from healthsvc.flows.delivery import deliver, upkeep
from healthsvc.flows.lab import runs
from healthsvc.flows.lab import schedule as lab_schedule
from healthsvc.flows.portfolio import figures
from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.projections import supervisor
from healthsvc.flows.readiness.steps import Step, Steps
from healthsvc.runtime.run_every import Periodic, run_all
from healthsvc.settings import Settings
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wiring.factories import building_memory, utc_now

HOUR_SECONDS: Final = 3600.0
LONG_STATEMENT_SECONDS: Final = 900.0
"""How long one statement of a step may take on much data, without a sign of progress."""


async def look_after_projections(
    engine: AsyncEngine, worker: str, limits: MemoryLimits, stop: asyncio.Event
) -> None:
    """Build what is asked for, and clear what is retired, until `stop`; for a command, which has no
    registry."""
    await run_all(projection_steps(engine, worker, limits, stop), Steps(), stop)


def projection_steps(
    engine: AsyncEngine, worker: str, limits: MemoryLimits, stop: asyncio.Event
) -> Sequence[Periodic]:
    """Apart from each other, since a shadow is built for weeks."""

    async def build(step: Step) -> None:
        await supervisor.build_what_is_asked(
            engine,
            worker_id=worker,
            limits=limits,
            now=utc_now,
            stop=stop,
            progressed=step.progressed,
        )

    async def clear_up(_: Step) -> None:
        await supervisor.clear_up(engine)

    seconds = supervisor.LOOK_SECONDS
    return (
        Periodic(
            name="projections.build",
            seconds=seconds,
            work=build,
            patience_seconds=LONG_STATEMENT_SECONDS,
        ),
        Periodic(
            name="projections.clear",
            seconds=seconds,
            work=clear_up,
            patience_seconds=LONG_STATEMENT_SECONDS,
        ),
    )


def processing_steps(
    engine: AsyncEngine, url: str, settings: Settings, worker: str, stop: asyncio.Event
) -> Sequence[Periodic]:
    """Background steps of the processing role."""
    return (
        *projection_steps(engine, worker, building_memory(settings), stop),
        *_lab_steps(engine, url, worker, stop),
        *_fleet_steps(engine),
        *_retention_steps(engine, settings),
    )


def _lab_steps(
    engine: AsyncEngine, url: str, worker: str, stop: asyncio.Event
) -> Sequence[Periodic]:
    async def schedule(_: Step) -> None:
        await lab_schedule.ask_for_what_is_due(engine, utc_now())

    async def execute(step: Step) -> None:
        await runs.execute_next(
            engine, url, worker_id=worker, now=utc_now, stop=stop, progressed=step.progressed
        )

    return (
        Periodic(name="lab.schedule", seconds=runs.LOOK_SECONDS, work=schedule),
        Periodic(name="lab.runs", seconds=runs.LOOK_SECONDS, work=execute),
    )


def _fleet_steps(engine: AsyncEngine) -> Sequence[Periodic]:
    async def guard(_: Step) -> None:
        await outage_detection.look(engine, utc_now())

    async def feeding(_: Step) -> None:
        await measure_coverage.watch(engine, utc_now())

    async def ledger(_: Step) -> object:
        return await figures.catch_up(engine)

    return (
        Periodic(name="fleet_guard", seconds=outage_detection.LOOK_SECONDS, work=guard),
        Periodic(name="measures.fed", seconds=24 * HOUR_SECONDS, work=feeding),
        Periodic(name="ledger", seconds=figures.EACH_SECONDS, work=ledger),
    )


def _retention_steps(engine: AsyncEngine, settings: Settings) -> Sequence[Periodic]:
    async def drop_days(_: Step) -> None:
        if settings.archive_retention_days is not None:
            await retention.drop_old_days(engine, settings.archive_retention_days, utc_now())

    async def trim_log(_: Step) -> None:
        await retention.trim_log(engine, timedelta(days=settings.log_retention_days))

    async def drop_changes(step: Step) -> None:
        keep = timedelta(days=settings.changes_retention_days)
        await retention.drop_old_changes(engine, keep, step.progressed)

    return (
        Periodic(name="retention.archive", seconds=HOUR_SECONDS, work=drop_days),
        Periodic(name="retention.log", seconds=HOUR_SECONDS, work=trim_log),
        Periodic(name="retention.changes", seconds=HOUR_SECONDS, work=drop_changes),
    )


def delivering_steps(engine: AsyncEngine) -> Sequence[Periodic]:
    """Background steps of the delivering role."""

    async def show_age(_: Step) -> None:
        await upkeep.show_age(engine)

    async def sweep(_: Step) -> None:
        await upkeep.sweep(engine, utc_now())

    return (
        Periodic(name="deliveries.age", seconds=deliver.WATCH_SECONDS, work=show_age),
        Periodic(name="deliveries.sweep", seconds=deliver.SWEEP_SECONDS, work=sweep),
    )
