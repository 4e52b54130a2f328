"""The processing role: what it is made of."""

import asyncio

from healthsvc.flows.caretaker import look_after_projections
from healthsvc.flows.fleet_guard import look_after_fleet
from healthsvc.flows.lab_runs import look_after_runs
from healthsvc.flows.portfolio import keep_ledger
from healthsvc.flows.ports import Input
from healthsvc.flows.process import Processor
from healthsvc.flows.retention import keep_house
from healthsvc.flows.upgrade import make_readable
from healthsvc.flows.warming import warm
from healthsvc.log.table import TableInput
from healthsvc.running import Role
from healthsvc.settings import Settings
from healthsvc.store.listen import Listener
from healthsvc.wiring.database import engine_on
from healthsvc.wiring.parts import building_memory, calm_collector, kafka_input, memory, pace, utc_now, worker_id


def process_role(url: str, settings: Settings, *, thread: bool = False) -> Role:
    """Folding the log."""

    async def run(stop: asyncio.Event) -> None:
        calm_collector()
        async with (
            engine_on(url, "healthsvc-process") as engine,
            engine_on(url, "healthsvc-process", pool_size=1) as loading,
            engine_on(url, "healthsvc-process", pool_size=1) as flushing,
            Listener(url) as listener,
        ):
            inputs: list[Input] = [TableInput(engine, listener)]
            if settings.kafka_bootstrap_servers:
                inputs.append(kafka_input(settings))
            processor = Processor(
                engine,
                inputs,
                worker_id=worker_id(),
                topic=settings.events_topic,
                now=utc_now,
                pace=pace(settings),
                limits=memory(settings),
                loading=loading,
                flushing=flushing,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    look_after_projections(
                        engine, worker_id=worker_id(), limits=building_memory(settings), now=utc_now, stop=stop
                    )
                )
                group.create_task(look_after_fleet(engine, now=utc_now, stop=stop))
                group.create_task(look_after_runs(engine, url, worker_id=worker_id(), now=utc_now, stop=stop))
                group.create_task(keep_ledger(engine, stop))
                group.create_task(
                    keep_house(
                        engine,
                        archive_days=settings.archive_retention_days,
                        log_days=settings.log_retention_days,
                        now=utc_now,
                        stop=stop,
                    )
                )
                group.create_task(warm(engine, stop))
                await make_readable(engine, now=utc_now, stop=stop)
                await processor.run(stop)

    return Role(name="process", run=run, thread=thread)
