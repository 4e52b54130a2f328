"""The command `version`."""

import json
import platform
from typing import Annotated

import typer

from healthsvc import __version__


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Print the version."""
    facts = {"version": __version__, "python": platform.python_version()}
    typer.echo(json.dumps(facts) if as_json else f"healthsvc {__version__}")
