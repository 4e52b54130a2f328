"""The roles of a process: what each is made of."""

import asyncio
import gc
import random
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from prometheus_client import start_http_server

from healthsvc import __version__, serving
from healthsvc.api import ApiConfig, create_app
from healthsvc.api.app import key_pepper
from healthsvc.flows.append import Appender
from healthsvc.flows.caretaker import look_after_projections
from healthsvc.flows.deliver import Deliverer, Limits
from healthsvc.flows.fleet_guard import look_after_fleet
from healthsvc.flows.lab_runs import look_after_runs
from healthsvc.flows.portfolio import keep_ledger
from healthsvc.flows.ports import Input
from healthsvc.flows.process import Processor
from healthsvc.flows.retention import keep_house
from healthsvc.log.table import TableInput
from healthsvc.running import Role
from healthsvc.settings import Settings
from healthsvc.store import installation
from healthsvc.store import secrets as stored_secrets
from healthsvc.store.listen import Listener
from healthsvc.wiring.database import engine_on
from healthsvc.wiring.keys import configured_secret, service_secret
from healthsvc.wiring.parts import building_memory, kafka_input, memory, pace, utc_now, webhook_sender, worker_id

LEASE_MARGIN_SECONDS: Final = 15.0


def api_role(url: str, settings: Settings, bound: socket.socket, ready: Callable[[], None]) -> Role:
    """The REST API on a bound socket."""

    async def run(stop: asyncio.Event) -> None:
        async with (
            engine_on(url, "healthsvc-api", pool_size=10) as engine,
            Listener(url) as listener,
            webhook_sender(settings) as sender,
        ):
            async with engine.begin() as conn:
                secret = await service_secret(conn, settings)
                vault = await stored_secrets.vault(conn, configured_secret(settings))
                partitions = (await installation.read(conn)).partitions
            appender = Appender(engine, partitions, listener=listener)
            config = ApiConfig(
                version=__version__,
                partitions=partitions,
                pepper=key_pepper(secret),
                vault=vault,
                check_url=sender.check_url,
                admin_key=settings.admin_key.get_secret_value() if settings.admin_key else None,
                draining=stop.is_set,
            )
            app = create_app(engine=engine, appender=appender, now=utc_now, config=config)
            await serving.serve(app, bound, stop, ready)
            await appender.close()

    return Role(name="api", run=run)


def process_role(url: str, settings: Settings, *, thread: bool = False) -> Role:
    """Folding the log."""

    async def run(stop: asyncio.Event) -> None:
        calm_collector()
        async with engine_on(url, "healthsvc-process") as engine, Listener(url) as listener:
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
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    look_after_projections(
                        engine, worker_id=worker_id(), limits=building_memory(settings), now=utc_now, stop=stop
                    )
                )
                group.create_task(look_after_fleet(engine, now=utc_now, stop=stop))
                group.create_task(look_after_runs(engine, url, worker_id=worker_id(), stop=stop))
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
                await processor.run(stop)

    return Role(name="process", run=run, thread=thread)


def deliver_role(url: str, settings: Settings) -> Role:
    """Sending webhooks."""

    async def run(stop: asyncio.Event) -> None:
        async with (
            engine_on(url, "healthsvc-deliver") as engine,
            Listener(url) as listener,
            webhook_sender(settings) as sender,
        ):
            async with engine.begin() as conn:
                vault = await stored_secrets.vault(conn, configured_secret(settings))
            lease = timedelta(seconds=settings.webhook_timeout_seconds + LEASE_MARGIN_SECONDS)
            deliverer = Deliverer(
                engine,
                sender,
                now=utc_now,
                wake=listener,
                vault=vault,
                worker_id=worker_id(),
                chance=random.SystemRandom().random,
                limits=Limits(lease=lease),
            )
            await deliverer.run(stop)

    return Role(name="deliver", run=run)


def calm_collector() -> None:
    """Have Python look for cycles more seldom: folding makes many objects, and hardly a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def serve_metrics(settings: Settings) -> None:
    """/metrics for a role without an API, if a port is set."""
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port, addr=settings.host)
