"""The service that a command reads: its options, and opening a client of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Final, TypeVar

import typer
from pydantic import BaseModel

from healthsvc.cli.errors import refuse
from healthsvc.cli.options import configured
from healthsvc.client import Client, RetryPolicy
from healthsvc.client.blocking import PagedList
from healthsvc.client.calls import PageT, QueryValue
from healthsvc.settings import Settings

LARGEST_PAGE: Final = 250
RETRIES: Final = RetryPolicy(attempts=3, longest_seconds=5.0)
"""Somebody is waiting."""
ServiceUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of the service.  [default: HEALTHSVC_API_URL, else the local one]",
        metavar="URL",
    ),
]
ServiceKey = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="API key.  [default: HEALTHSVC_API_KEY, else HEALTHSVC_ADMIN_KEY]",
        metavar="KEY",
    ),
]
Language = Annotated[
    str | None, typer.Option(help="Language of the texts, such as pt-BR.", metavar="TAG")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many rows at most.")]
Everything = Annotated[bool, typer.Option("--all", help="All rows, without a limit.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="Any other parameter of the REST operation, repeatable.",
        metavar="NAME=VALUE",
    ),
]
ItemT = TypeVar("ItemT", bound=BaseModel)


@contextmanager
def service(url: str | None, key: str | None, language: str | None = None) -> Iterator[Client]:
    """A client of the service; its errors end the command with a sentence."""
    with configured() as settings:
        secret = settings.api_key or settings.admin_key
        chosen = key or (secret.get_secret_value() if secret else None)
        if chosen is None:
            refuse("An API key is needed: give --key, or set HEALTHSVC_API_KEY.")
        address = url or _address(settings)
        with Client(address, chosen, language=language, retries=RETRIES) as client:
            yield client


def items(
    paged: PagedList[PageT, ItemT], query: Mapping[str, QueryValue], limit: int | None
) -> list[ItemT]:
    """The first items of a list, read in pages as large as needed. limit: None for all."""
    size = LARGEST_PAGE if limit is None else min(limit, LARGEST_PAGE)
    return list(islice(paged(**{**query, "limit": size}), limit))


def with_others(
    query: Mapping[str, QueryValue], where: Sequence[str] | None
) -> dict[str, QueryValue]:
    """A query with the parameters that `--where` names; several values of one become a list."""
    others: dict[str, list[str]] = {}
    for each in where or ():
        name, equals, value = each.partition("=")
        if not equals:
            refuse(f"--where takes NAME=VALUE, not {each!r}.")
        others.setdefault(name, []).append(value)
    return {**query, **others}


def _address(settings: Settings) -> str:
    if settings.api_url is not None:
        return settings.api_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
