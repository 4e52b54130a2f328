"""The delivering role: what it is made of."""

import asyncio
import random
from datetime import timedelta
from typing import Final

from healthsvc.flows.delivery.deliver import Deliverer
from healthsvc.flows.delivery.ports import DeliveryLimits
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.runtime.run_every import run_all
from healthsvc.runtime.running import Role
from healthsvc.settings import Settings
from healthsvc.store.database import secrets as stored_secrets
from healthsvc.store.database.listen import Listener
from healthsvc.wiring.background import delivering_steps
from healthsvc.wiring.database import engine_on
from healthsvc.wiring.factories import utc_now, webhook_sender, worker_id
from healthsvc.wiring.keys import configured_secret

LEASE_MARGIN_SECONDS: Final = 15.0


def deliver_role(url: str, settings: Settings, readiness: Readiness) -> Role:
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
                notifications=listener,
                vault=vault,
                worker_id=worker_id(),
                chance=random.SystemRandom().random,
                limits=DeliveryLimits(lease=lease),
                steps=readiness.steps,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(run_all(delivering_steps(engine), readiness.steps, stop))
                await deliverer.run(stop)

    return Role(name="deliver", run=run)
