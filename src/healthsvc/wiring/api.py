"""The API's role: what it is made of."""

import asyncio
import socket
from collections.abc import Callable

from healthsvc import __version__, serving
from healthsvc.api import ApiConfig, create_app
from healthsvc.api.description import described
from healthsvc.connections import Limits
from healthsvc.core.contact import ContactRules
from healthsvc.flows.append import Appender
from healthsvc.flows.manage.keys import pepper_of
from healthsvc.running import Role
from healthsvc.settings import Settings
from healthsvc.store import installation
from healthsvc.store import secrets as stored_secrets
from healthsvc.store.listen import Listener
from healthsvc.wiring.database import engine_on
from healthsvc.wiring.keys import configured_secret, service_secret
from healthsvc.wiring.parts import calm_collector, utc_now, webhook_sender


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
                pepper=pepper_of(secret),
                vault=vault,
                check_url=sender.check_url,
                admin_key=settings.admin_key.get_secret_value() if settings.admin_key else None,
                draining=stop.is_set,
                body_seconds=settings.request_body_seconds,
                contact=ContactRules(
                    cap=settings.contact_cap,
                    cap_days=settings.contact_cap_days,
                    timezone=settings.timezone,
                    calls_a_day=settings.calls_a_day,
                ),
            )
            app = create_app(engine=engine, appender=appender, now=utc_now, config=config)
            await asyncio.to_thread(described, app)  # half a second that no request is to wait for
            calm_collector()
            await serving.serve(app, bound, stop, ready, _limits(settings))
            await appender.close()

    return Role(name="api", run=run)


def _limits(settings: Settings) -> Limits:
    """What one client may take of the API's connections."""
    return Limits(
        head_seconds=settings.request_head_seconds,
        per_address=settings.connections_per_address,
        proxies=settings.trusted_proxies,
    )
