"""The command `healthsvc`: reads the configuration, runs roles, and speaks plainly when something is wrong.

What a command alone needs it imports itself: a worker has no use for a web framework, nor `--help` for a database.
"""

import asyncio
import json
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import structlog
import typer

from healthsvc import __version__, settings, telemetry
from healthsvc.cli import lab, lab_replay, portfolio, replay, scorecards, shadow
from healthsvc.runtime import running, serving
from healthsvc.runtime.embedded import DataFolderInUseError, EmbeddedPostgresError
from healthsvc.settings import Settings, SettingsError
from healthsvc.telemetry import LogEvent
from healthsvc.wire.api_keys import SCOPES

if TYPE_CHECKING:
    from healthsvc.flows.admin.keys import NewKey

EXIT_REFUSED: Final = 2  # the configuration or the command is wrong
EXIT_UNAVAILABLE: Final = 69  # EX_UNAVAILABLE of sysexits.h: something we need isn't there
EPILOG = "Configured by HEALTHSVC_… variables: `healthsvc variables` lists them."

log = structlog.get_logger(__name__)
app = typer.Typer(
    name="healthsvc",
    help="Customer health in seconds, explained down to the event. Begin with `healthsvc up`, then `healthsvc demo`.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def main() -> None:
    """The console script."""
    app()


# Running --------------------------------------------------------------------------------------------------------------


@app.command()
def up() -> None:
    """Run everything in this process: database, API, processing, deliveries.

    PostgreSQL is embedded, in HEALTHSVC_DATA_DIR, unless HEALTHSVC_DATABASE_URL names yours. Stop with Ctrl-C.
    """
    from healthsvc.wiring.api import api_role
    from healthsvc.wiring.database import install, own_database
    from healthsvc.wiring.deliver import deliver_role
    from healthsvc.wiring.keys import first_key
    from healthsvc.wiring.process import process_role

    with _told() as chosen:
        bound = serving.bind(chosen.host, chosen.port)
        with own_database(chosen) as (url, watchers):
            asyncio.run(install(url, chosen))
            first = asyncio.run(first_key(url, chosen))
            api = api_role(url, chosen, bound, lambda: _welcome(serving.address(bound), chosen, first))
            process = process_role(url, chosen, thread=True)
            code = running.run([*watchers, api, process, deliver_role(url, chosen)])
    _leave(code)


@app.command()
def api() -> None:
    """Run the REST API alone, on HEALTHSVC_DATABASE_URL. Any number may run side by side."""
    from healthsvc.wiring.api import api_role

    with _told() as chosen:
        url, bound = _named_database(chosen), serving.bind(chosen.host, chosen.port)
        role = api_role(url, chosen, bound, lambda: typer.echo(f"The API listens on {serving.address(bound)}"))
        code = running.run([role])
    _leave(code)


@app.command()
def process() -> None:
    """Run the processing alone: reads the log, keeps health up to date. Any number share the partitions."""
    from healthsvc.wiring.factories import serve_metrics
    from healthsvc.wiring.process import process_role

    with _told() as chosen:
        serve_metrics(chosen)
        code = running.run([process_role(_named_database(chosen), chosen)])
    _leave(code)


@app.command()
def deliver() -> None:
    """Run the webhook deliveries alone. Any number share the work."""
    from healthsvc.wiring.deliver import deliver_role
    from healthsvc.wiring.factories import serve_metrics

    with _told() as chosen:
        serve_metrics(chosen)
        code = running.run([deliver_role(_named_database(chosen), chosen)])
    _leave(code)


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the database up to date: its schema, and what must exist before the first event. Harmless when it is."""
    from healthsvc.wiring.database import any_database, install

    with _told() as chosen, any_database(chosen) as url:
        revision = asyncio.run(install(url, chosen))
        _say({"revision": revision}, as_json, f"The database is at revision {revision}.")


# Keys and questions ---------------------------------------------------------------------------------------------------


@keys.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help=f"What it may do, repeatable: {', '.join(SCOPES)}. Default: admin.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it, this once."""
    from healthsvc.wiring.database import any_database
    from healthsvc.wiring.keys import create_key

    scopes = tuple(scope or ["admin"])
    strangers = [each for each in scopes if each not in SCOPES]
    if strangers:
        _refuse(f"There is no scope {strangers[0]!r}; there are {', '.join(SCOPES)}.")
    with _told() as chosen, any_database(chosen) as url:
        made = asyncio.run(create_key(url, chosen, name=name, scopes=scopes))
        shown = {"id": made.key.id, "name": name, "scopes": list(made.key.scopes), "key": made.text}
        _say(shown, as_json, f"{made.text}\n(shown this once: keep it; it may {', '.join(made.key.scopes)})")


@app.command()
def variables(as_json: AsJson = False) -> None:
    """List the variables that configure healthsvc."""
    if as_json:
        typer.echo(json.dumps(settings.described(), indent=2))
        return
    for each in settings.described():
        default = each["default"] if each["default"] is not None else "unset"
        typer.echo(f"{each['name']}  ({default})\n    {each['meaning']} Allowed: {each['allowed']}.")


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    _say({"version": __version__, "python": platform.python_version()}, as_json, f"healthsvc {__version__}")


# Speaking -------------------------------------------------------------------------------------------------------------


@contextmanager
def _told() -> Iterator[Settings]:
    """The configuration, with logging set up; what is wrong with it or with the surroundings is told in one line."""
    before = signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(0)
    )  # the roles have their own way to stop, once they run
    try:
        yield _configured()
    except (SettingsError, DataFolderInUseError, serving.AddressTakenError) as error:
        _refuse(str(error))
    except EmbeddedPostgresError as error:
        _refuse(str(error), EXIT_UNAVAILABLE)
    except Exception as error:
        from healthsvc.store.database.outage import is_outage

        if not is_outage(error):
            raise
        _refuse(f"The database can't be used: {error}", EXIT_UNAVAILABLE)
    finally:
        signal.signal(signal.SIGTERM, before)


def _configured() -> Settings:
    from healthsvc.wire.scorecards.document import ScorecardError, compile_document

    chosen = settings.load()
    telemetry.configure_logging(level=chosen.log_level, style=chosen.log_style)
    for doubt in settings.unknown(os.environ):
        log.warning(LogEvent.SETTING_UNKNOWN, why=doubt)
    try:
        compile_document(chosen.scorecard_document or "")
    except (ScorecardError, OSError, UnicodeError) as error:
        raise SettingsError(f"HEALTHSVC_SCORECARD: {chosen.scorecard}: {error}") from None
    return chosen


def _named_database(chosen: Settings) -> str:
    if chosen.database is None:
        raise SettingsError(
            "HEALTHSVC_DATABASE_URL: not set; a role that runs alone needs a database that others share."
        )
    return chosen.database


def _welcome(address: str, chosen: Settings, first: "NewKey | None") -> None:
    if first is not None:
        key = f"{first.text}\n           (all rights; shown this once: keep it)"
    elif chosen.admin_key is not None:
        key = "the one in HEALTHSVC_ADMIN_KEY"
    else:
        key = "made at the first start; another one: healthsvc keys create --name NAME"
    kafka = (
        f"{chosen.kafka_bootstrap_servers}, topic {chosen.events_topic}" if chosen.kafka_bootstrap_servers else "none"
    )
    typer.echo(
        f"\nhealthsvc {__version__} is up.\n"
        f"  API      {address}\n  Docs     {address}/docs\n  API key  {key}\n  Kafka    {kafka}\n"
        "  Nothing to look at yet? healthsvc demo\n"
    )
    sys.stdout.flush()


def _say(data: dict[str, Any], as_json: bool, words: str) -> None:
    typer.echo(json.dumps(data) if as_json else words)


def _refuse(words: str, code: int = EXIT_REFUSED) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(code)


def _leave(code: int) -> NoReturn:
    """End with this code at once: a thread that hangs must not keep the process, and everything is closed by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


# The other commands stand behind these in the help.
app.add_typer(keys, name="keys")
replay.register(app)
lab.register(app)
lab_replay.register()
scorecards.register(app)
shadow.register()
portfolio.register(app)
