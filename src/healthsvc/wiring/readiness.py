"""Readiness: made once for each process, updated by a role of its own, served on the probes'
port."""

import asyncio
from collections.abc import Sequence

from healthsvc.flows.readiness import watch
from healthsvc.flows.readiness.checks import LOOKING, Readiness
from healthsvc.flows.readiness.checks import Role as Part
from healthsvc.flows.readiness.steps import Step
from healthsvc.runtime.probe_server import serve_probes
from healthsvc.runtime.run_every import Periodic, run_all
from healthsvc.runtime.running import Role
from healthsvc.settings import Settings
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wiring.database import engine_on
from healthsvc.wiring.factories import utc_now, worker_id


def readiness_of(settings: Settings, *roles: Part) -> Readiness:
    """The readiness of a process with these roles."""
    return Readiness(
        process=worker_id(),
        roles=frozenset(roles),
        stall_seconds=settings.stall_seconds,
        data_dir=settings.data_dir if settings.database is None else None,
    )


def readiness_role(url: str, readiness: Readiness) -> Role:
    """Looking after it."""

    async def run(stop: asyncio.Event) -> None:
        async with engine_on(url, "healthsvc-readiness", pool_size=1) as engine:
            await run_all(readiness_steps(engine, readiness), readiness.steps, stop)

    return Role(name="readiness", run=run)


def readiness_steps(engine: AsyncEngine, readiness: Readiness) -> Sequence[Periodic]:
    """Background steps that every process has."""

    async def look(_: Step) -> None:
        await watch.look(engine, readiness, utc_now())

    return (Periodic(name=LOOKING, seconds=watch.LOOK_SECONDS, work=look),)


def probes(settings: Settings, readiness: Readiness) -> None:
    """Serve them for a role without an API, if a port is set."""
    if settings.metrics_port is not None:
        serve_probes(settings.host, settings.metrics_port, readiness)
