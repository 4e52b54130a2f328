"""What commands share: options, the configuration they run with, and how they print a result."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from healthsvc import settings as configuration
from healthsvc import telemetry
from healthsvc.cli.errors import errors_reported
from healthsvc.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Url = Annotated[
    str | None, typer.Option(help="Send over HTTP to the service at this address.", metavar="URL")
]
Key = Annotated[
    str | None,
    typer.Option(help="API key for --url.  [default: HEALTHSVC_ADMIN_KEY]", metavar="KEY"),
]
Kafka = Annotated[
    bool,
    typer.Option("--kafka", help="Send to the events topic of HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS."),
]
Database = Annotated[
    str | None,
    typer.Option(
        help="Write into this database's log.  [default: the service's own]",
        metavar="postgresql://…",
    ),
]
Speed = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="Seconds of history per second; 3600 plays an hour per second.  [default: no limit]",
    ),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Start over instead of resuming where the last run ended.")
]
WithGaps = Annotated[
    bool,
    typer.Option(
        "--with-gaps",
        help=(
            "Continue where the archive lacks events instead of refusing; the result covers only"
            " what is archived."
        ),
    ),
]


@contextmanager
def configured(
    log_level: str | None = "WARNING", interrupted: str = "Interrupted."
) -> Iterator[Settings]:
    """The configuration, with logging set up; expected errors end the command with a sentence and
    an exit code.

    log_level: of the log lines on standard error; None: as configured. interrupted: what Ctrl-C is
    answered with.
    """
    with errors_reported(interrupted):
        settings = configuration.load()
        telemetry.configure_logging(level=log_level or settings.log_level, style=settings.log_style)
        yield settings


@contextmanager
def stopping_on_sigterm() -> Iterator[None]:
    """End cleanly on SIGTERM while a role starts; once it runs, roles have their own way to
    stop."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def show(facts: dict[str, Any], as_json: bool, sentence: str) -> None:
    """Print a result, for machines or for people."""
    typer.echo(json.dumps(facts) if as_json else sentence)
