"""The command `up`: everything in one process, and where to go from there."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import typer

from healthsvc import __version__
from healthsvc.cli.errors import leave
from healthsvc.cli.service import service_settings
from healthsvc.flows.admin.keys import NewKey
from healthsvc.runtime import running, serving
from healthsvc.settings import Settings
from healthsvc.wiring.api import api_role
from healthsvc.wiring.database import install, own_database
from healthsvc.wiring.deliver import deliver_role
from healthsvc.wiring.keys import first_key
from healthsvc.wiring.process import process_role
from healthsvc.wiring.readiness import readiness_of, readiness_role

KEY_FILE: Final = "first-admin-key"


def up() -> None:
    """Run everything in this process: database, API, processing, deliveries.

    PostgreSQL is embedded, in HEALTHSVC_DATA_DIR, unless HEALTHSVC_DATABASE_URL names yours. Stop
    with Ctrl-C.
    """
    with service_settings() as settings:
        readiness = readiness_of(settings, "api", "process", "deliver")
        bound = serving.bind(settings.host, settings.port)
        with own_database(settings) as (url, watchers):
            asyncio.run(install(url, settings))
            key = _about_key(asyncio.run(first_key(url, settings)), settings)
            api = api_role(
                url,
                settings,
                bound,
                readiness,
                lambda: _welcome(serving.address(bound), settings, key),
            )
            process = process_role(url, settings, readiness, thread=True)
            others = [deliver_role(url, settings, readiness), readiness_role(url, readiness)]
            code = running.run([*watchers, api, process, *others])
    leave(code)


def _about_key(first: NewKey | None, settings: Settings) -> str:
    """The sentence about the API key. A log that outlives the terminal isn't told the key itself,
    but its file."""
    if first is None and settings.admin_key is not None:
        return "the one in HEALTHSVC_ADMIN_KEY"
    if first is None:
        return "made at the first start; another one: .venv/bin/healthsvc keys create --name NAME"
    if sys.stdout.isatty():
        return f"{first.text}\n           (all rights; shown this once: keep it)"
    path = write_key(settings.data_dir, first.text)
    return f"in {path}\n           (all rights; move it to a safe place, it isn't needed there)"


def write_key(folder: Path, key: str) -> Path:
    """Write a key into a file that only its owner can read; answers its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / KEY_FILE
    path.unlink(missing_ok=True)  # the mode of a new file is ours from the first byte on
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(f"{key}\n")
    return path


def _welcome(address: str, settings: Settings, key: str) -> None:
    servers = settings.kafka_bootstrap_servers
    kafka = f"{servers}, topic {settings.events_topic}" if servers else "none"
    typer.echo(
        f"\nhealthsvc {__version__} is up.\n"
        f"  API      {address}\n  Docs     {address}/docs\n  API key  {key}\n  Kafka    {kafka}\n"
        "  Nothing to look at yet? .venv/bin/healthsvc demo\n"
    )
    sys.stdout.flush()
