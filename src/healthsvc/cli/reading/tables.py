"""Tables for people and JSON for machines, of what the service lists."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import typer
from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.table import Table

NONE: Final = "-"
UNBOUNDED: Final = 10_000
"""Characters of a line that nobody looks at on a terminal: nothing is wrapped or cut."""
RowT = TypeVar("RowT")


@dataclass(frozen=True, kw_only=True)  # with slots Column[X](…) fails in Python 3.11
class Column(Generic[RowT]):
    """A column: its heading, the text of a row, and whether it is a number or a long text."""

    title: str
    text: Callable[[RowT], str]
    is_number: bool = False
    may_wrap: bool = False


def print_table(columns: Sequence[Column[RowT]], rows: Sequence[RowT]) -> None:
    """Print rows below headings."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=not column.may_wrap,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*[column.text(row) for column in columns])
    width = None if sys.stdout.isatty() else UNBOUNDED
    Console(width=width, markup=False, highlight=False).print(table)


def print_rows(columns: Sequence[Column[RowT]], rows: Sequence[RowT], nothing: str) -> None:
    """The same, or a sentence where there are no rows."""
    if rows:
        print_table(columns, rows)
    else:
        typer.echo(nothing)


def print_json(answer: BaseModel | Sequence[BaseModel]) -> None:
    """Print an answer, or a list of items, as the API has them."""
    data: Any = (
        answer.model_dump(mode="json", by_alias=True)
        if isinstance(answer, BaseModel)
        else {"items": [item.model_dump(mode="json", by_alias=True) for item in answer]}
    )
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def number(value: float | None, digits: int = 0) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def text(value: str | None) -> str:
    return value or NONE


def instant(value: datetime | None) -> str:
    """To the minute, in UTC."""
    return NONE if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def day(value: datetime | None) -> str:
    """The day, in UTC."""
    return NONE if value is None else f"{value.astimezone(UTC):%Y-%m-%d}"
