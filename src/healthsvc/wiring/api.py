"""The API's role: what it is made of."""

import asyncio
import socket
from collections.abc import Callable

from healthsvc import __version__, pages
from healthsvc.api import ApiConfig, create_app
from healthsvc.api.openapi import described
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.flows.admin.keys import pepper_of
from healthsvc.flows.intake.append import STEP, Appender
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.flows.readiness.steps import ON_DEMAND
from healthsvc.runtime import serving
from healthsvc.runtime.connections import ConnectionLimits
from healthsvc.runtime.running import Role
from healthsvc.settings import Settings
from healthsvc.store.database import installation
from healthsvc.store.database import secrets as stored_secrets
from healthsvc.store.database.listen import Listener
from healthsvc.wiring.database import engine_on
from healthsvc.wiring.factories import calm_collector, utc_now, webhook_sender
from healthsvc.wiring.keys import configured_secret, service_secret


def api_role(
    url: str,
    settings: Settings,
    bound: socket.socket,
    readiness: Readiness,
    ready: Callable[[], None],
) -> Role:
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
            step = readiness.steps.register(STEP, ON_DEMAND)
            appender = Appender(engine, partitions, listener=listener, step=step)
            config = ApiConfig(
                version=__version__,
                partitions=partitions,
                pepper=pepper_of(secret),
                vault=vault,
                check_url=sender.check_url,
                admin_key=settings.admin_key.get_secret_value() if settings.admin_key else None,
                draining=stop.is_set,
                readiness=readiness,
                body_seconds=settings.request_body_seconds,
                home=pages.HOME,
                listener=listener,
                contact=ContactRules(
                    cap=settings.contact_cap,
                    cap_days=settings.contact_cap_days,
                    timezone=settings.timezone,
                    calls_a_day=settings.calls_a_day,
                ),
            )
            app = create_app(engine=engine, appender=appender, now=utc_now, config=config)
            pages.install(app)
            await asyncio.to_thread(described, app)  # half a second that no request is to wait for
            calm_collector()
            await serving.serve(app, bound, stop, ready, _limits(settings))
            await appender.close()

    return Role(name="api", run=run)


def _limits(settings: Settings) -> ConnectionLimits:
    """What one client may take of the API's connections."""
    return ConnectionLimits(
        head_seconds=settings.request_head_seconds,
        per_address=settings.connections_per_address,
        proxies=settings.trusted_proxies,
    )
