"""The command `variables`."""

import json

import typer

from healthsvc import settings
from healthsvc.cli.options import AsJson


def variables(as_json: AsJson = False) -> None:
    """List the variables that configure healthsvc."""
    if as_json:
        typer.echo(json.dumps(settings.described(), indent=2))
        return
    for each in settings.described():
        default = each["default"] if each["default"] is not None else "unset"
        typer.echo(
            f"{each['name']}  ({default})\n    {each['meaning']} Allowed: {each['allowed']}."
        )
