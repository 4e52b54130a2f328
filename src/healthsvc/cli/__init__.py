"""The command `healthsvc`, assembled here: a module for each command or group, imported when it is
called.

What a command alone needs it imports itself: a worker has no use for a web framework, nor `version`
for a database.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from healthsvc import __version__

STYLE: Final[Mapping[str, Any]] = {
    "add_completion": False,
    "rich_markup_mode": "markdown",
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
COMMANDS: Final[Mapping[str, str]] = {
    "up": "healthsvc.cli.up:up",
    "api": "healthsvc.cli.roles:api",
    "process": "healthsvc.cli.roles:process",
    "deliver": "healthsvc.cli.roles:deliver",
    "migrate": "healthsvc.cli.migrate:migrate",
    "demo": "healthsvc.cli.demo:demo",
    "replay": "healthsvc.cli.replay:replay",
    "customers": "healthsvc.cli.reading.customers:customers",
    "explain": "healthsvc.cli.reading.explain:explain",
    "worklist": "healthsvc.cli.reading.worklist:worklist",
    "alerts": "healthsvc.cli.reading.alerts:alerts",
    "endpoints": "healthsvc.cli.reading.endpoints:endpoints",
    "keys": "healthsvc.cli.keys:group",
    "scorecard": "healthsvc.cli.scorecard:group",
    "pages": "healthsvc.cli.pages:group",
    "sources": "healthsvc.cli.sources:group",
    "rebuild": "healthsvc.cli.scorecard.publishing:rebuild",
    "lab": "healthsvc.cli.lab:group",
    "portfolio": "healthsvc.cli.portfolio:portfolio",
    "variables": "healthsvc.cli.variables:variables",
    "version": "healthsvc.cli.version:version",
}
"""Commands in the order of the help, and where each is: a function, or a group of commands."""


class OnDemand(TyperGroup):
    """Imports a command's module when the command is called, or listed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            for name in COMMANDS:  # a misspelt name is answered with those that are close to it
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="healthsvc",
    cls=OnDemand,
    help=(
        "Customer health in seconds, explained down to the event. Start with `healthsvc up`, then"
        " `healthsvc demo`."
    ),
    epilog="Configured by HEALTHSVC_… variables: `healthsvc variables` lists them.",
    no_args_is_help=True,
    **STYLE,
)


def main() -> None:
    """The console script. The version is printed at once, without what a command's options need."""
    if sys.argv[1:] in (["version"], ["--version"]):
        typer.echo(f"healthsvc {__version__}")
    else:
        app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"healthsvc {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options of the command itself; the help is that of `app`."""


def _load(name: str) -> Any:
    """The command of this name."""
    module, _, attribute = COMMANDS[name].partition(":")
    target = getattr(import_module(module), attribute)
    if not isinstance(target, typer.Typer):
        function, target = target, typer.Typer(**STYLE)
        target.command(name)(function)
    command = get_command(target)
    command.name = name
    return command
