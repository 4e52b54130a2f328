"""The commands `keys …`."""

import asyncio
from typing import Annotated

import typer

from healthsvc.cli.errors import refuse
from healthsvc.cli.options import AsJson, configured, show
from healthsvc.wire.api_keys import SCOPES
from healthsvc.wiring.database import any_database
from healthsvc.wiring.keys import create_key

group = typer.Typer(
    help="API keys.", no_args_is_help=True, add_completion=False, rich_markup_mode="markdown"
)


@group.callback()
def keys() -> None:
    """Create API keys."""


@group.command("create")
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may do, repeatable: {', '.join(SCOPES)}. Default: admin."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print it, this once."""
    scopes = tuple(scope or ["admin"])
    strangers = [each for each in scopes if each not in SCOPES]
    if strangers:
        refuse(f"There is no scope {strangers[0]!r}; there are {', '.join(SCOPES)}.")
    with configured() as settings, any_database(settings) as url:
        created = asyncio.run(create_key(url, settings, name=name, scopes=scopes))
        facts = {
            "id": created.key.id,
            "name": name,
            "scopes": list(created.key.scopes),
            "key": created.text,
        }
        show(
            facts,
            as_json,
            f"{created.text}\n(shown this once: keep it; it may {', '.join(created.key.scopes)})",
        )
