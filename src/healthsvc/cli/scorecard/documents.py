"""Scorecards as commands take them: a file, a version's number, `live` or `default`; and the bar of
long work."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from healthsvc.cli.errors import FAILED, refuse
from healthsvc.settings import Settings
from healthsvc.wire.scorecards.document import default_document
from healthsvc.wire.scorecards.faults import faults
from healthsvc.wiring.database import any_database
from healthsvc.wiring.scorecards import scorecard_documents

File = Annotated[str, typer.Argument(help="A file; - is standard input.", metavar="FILE")]
FileOrVersion = Annotated[
    str,
    typer.Argument(help="A file, a version's number, `live` or `default`.", metavar="FILE|VERSION"),
]

_errors: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def read(file: str) -> str:
    try:
        return (
            typer.get_text_stream("stdin").read()
            if file == "-"
            else Path(file).read_text(encoding="utf-8")
        )
    except (OSError, UnicodeError) as error:
        refuse(f"{file} can't be read: {error}")


def checked(document: str) -> str:
    problems = faults(document)
    for fault in problems:
        typer.echo(f"{fault.pointer or '/'}: {fault.detail}", err=True)
    if problems:
        raise typer.Exit(FAILED)
    return document


def documents_of(settings: Settings, names: Sequence[str]) -> list[str]:
    stored_names = {n for n in names if n.isdigit() or n == "live"}
    stored: dict[str, str | None] = {}
    if stored_names:
        with any_database(settings) as url:
            stored = asyncio.run(scorecard_documents(url, settings, stored_names))
    documents: list[str] = []
    for name in names:
        document: str | None
        if name == "default":
            document = default_document()
        elif name in stored_names:
            document = stored[name]
        else:
            document = checked(read(name))
        if document is None:
            refuse(f"There is no version {name}; `healthsvc scorecard list` shows them.")
        documents.append(document)
    return documents


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Any]:
    """A bar for people who watch; answers what moves it."""
    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=_errors, transient=True, disable=not _errors.is_terminal
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
