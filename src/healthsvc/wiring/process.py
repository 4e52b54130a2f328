"""The processing role: what it is made of."""

import asyncio

from healthsvc.flows.processing.ports import Input
from healthsvc.flows.processing.warm_start import warm
from healthsvc.flows.processing.worker import Processor
from healthsvc.flows.projections.upgrade import make_readable
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.log.table import TableInput
from healthsvc.runtime.run_every import run_all
from healthsvc.runtime.running import Role
from healthsvc.settings import Settings
from healthsvc.store.database.listen import Listener
from healthsvc.wiring.background import processing_steps
from healthsvc.wiring.database import engine_on
from healthsvc.wiring.factories import (
    calm_collector,
    flush_policy,
    kafka_input,
    memory,
    utc_now,
    worker_id,
)


def process_role(
    url: str, settings: Settings, readiness: Readiness, *, thread: bool = False
) -> Role:
    """Folding the log."""

    async def run(stop: asyncio.Event) -> None:
        calm_collector()
        async with (
            engine_on(url, "healthsvc-process") as engine,
            engine_on(url, "healthsvc-process", pool_size=1) as loading,
            engine_on(url, "healthsvc-process", pool_size=1) as flushing,
            Listener(url) as listener,
        ):
            inputs: list[Input] = [TableInput(engine, listener, readiness.progress)]
            if settings.kafka_bootstrap_servers:
                inputs.append(kafka_input(settings, readiness.progress))
            processor = Processor(
                engine,
                inputs,
                worker_id=worker_id(),
                topic=settings.events_topic,
                now=utc_now,
                policy=flush_policy(settings),
                limits=memory(settings),
                loading=loading,
                flushing=flushing,
                steps=readiness.steps,
                progress=readiness.progress,
                postponed=readiness.postponed,
            )
            periodic = processing_steps(engine, url, settings, worker_id(), stop)
            async with asyncio.TaskGroup() as group:
                group.create_task(run_all(periodic, readiness.steps, stop))
                group.create_task(warm(engine, stop))
                await make_readable(engine, now=utc_now, stop=stop)
                await processor.run(stop)

    return Role(name="process", run=run, thread=thread)
