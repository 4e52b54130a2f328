"""The commands `api`, `process` and `deliver`: one role each, as production runs them."""

import typer

from healthsvc.cli.errors import leave
from healthsvc.cli.service import named_database, service_settings
from healthsvc.runtime import running, serving
from healthsvc.wiring.readiness import probes, readiness_of, readiness_role


def api() -> None:
    """Run the REST API alone, on HEALTHSVC_DATABASE_URL. Run as many as you need."""
    from healthsvc.wiring.api import api_role

    with service_settings() as settings:
        url, bound = named_database(settings), serving.bind(settings.host, settings.port)
        readiness = readiness_of(settings, "api")
        address = serving.address(bound)
        role = api_role(
            url, settings, bound, readiness, lambda: typer.echo(f"The API listens on {address}")
        )
        code = running.run([role, readiness_role(url, readiness)])
    leave(code)


def process() -> None:
    """Run the processing alone: read the log and keep health up to date. Workers share the
    partitions."""
    from healthsvc.wiring.process import process_role

    with service_settings() as settings:
        url, readiness = named_database(settings), readiness_of(settings, "process")
        probes(settings, readiness)
        code = running.run([process_role(url, settings, readiness), readiness_role(url, readiness)])
    leave(code)


def deliver() -> None:
    """Run the webhook deliveries alone. Workers share the deliveries."""
    from healthsvc.wiring.deliver import deliver_role

    with service_settings() as settings:
        url, readiness = named_database(settings), readiness_of(settings, "deliver")
        probes(settings, readiness)
        code = running.run([deliver_role(url, settings, readiness), readiness_role(url, readiness)])
    leave(code)
