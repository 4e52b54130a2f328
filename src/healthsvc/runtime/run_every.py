"""The one policy for periodic background work.

A step that fails never ends its loop, nor the roles beside it. Whatever it raised, it runs again:
soon after an outage of the database, which passes by itself; more and more seldom, up to half a
minute, after anything else. Each failure is counted in the registry, and told once there are
several in a row (flows.readiness).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from healthsvc.flows.readiness.steps import Again, Step, Steps

OUTAGE_SECONDS: Final = (1.0, 2.0, 5.0)
MISTAKE_SECONDS: Final = (2.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """A step, how often it runs, and its work, which may return `Again` to have its next turn
    sooner."""

    name: str
    seconds: float
    work: Callable[[Step], Awaitable[object]]
    patience_seconds: float | None = None


async def run_all(
    periodic: Sequence[Periodic], steps: Steps, stop: asyncio.Event, *, pace: float = 1.0
) -> None:
    """Run all of them side by side until `stop`; pace: what every wait is multiplied by."""
    async with asyncio.TaskGroup() as group:
        for each in periodic:
            group.create_task(run_every(each, steps, stop, pace=pace), name=each.name)


async def run_every(
    periodic: Periodic, steps: Steps, stop: asyncio.Event, *, pace: float = 1.0
) -> None:
    """Run one again and again until `stop`; a run isn't interrupted, so long work has to check
    `stop` itself."""
    step = steps.register(periodic.name, periodic.seconds, periodic.patience_seconds)
    try:
        while not stop.is_set():
            seconds = await _run_once(periodic, step)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), seconds * pace)
    finally:
        steps.remove(periodic.name)


async def _run_once(periodic: Periodic, step: Step) -> float:
    """The seconds to wait before its next turn."""
    step.begin()
    try:
        result = await periodic.work(step)
    except Exception as error:
        step.failed(error)
        delays = MISTAKE_SECONDS if step.outage is None else OUTAGE_SECONDS
        return delays[min(step.failures, len(delays)) - 1]
    step.succeeded()
    return result.after_seconds if isinstance(result, Again) else periodic.seconds
