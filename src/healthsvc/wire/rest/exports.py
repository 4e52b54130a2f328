"""Lists as files: CSV (RFC 4180) for spreadsheets, and a JSON object a line."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field

Format = Literal["json", "csv", "ndjson"]
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
MEDIA_TYPES: Final[Mapping[str, Format]] = {
    "application/json": "json",
    CSV: "csv",
    NDJSON: "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
}
FormatAsked = Annotated[
    Format | None,
    Field(
        description=(
            "In place of `Accept`. csv and ndjson are sent to the end of the list, unless `limit`"
            " is given."
        )
    ),
]
_FORMULA: Final = "=+-@\t\r\n"
"""What a spreadsheet would take for the beginning of a formula."""


def csv_rows(rows: Iterable[Sequence[object]]) -> str:
    """Lines of CSV; texts that begin like a formula begin with an apostrophe."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([[cell(v) for v in row] for row in rows])
    return buffer.getvalue()


def cell(value: object) -> object:
    """A value as a cell: lists with semicolons, objects as JSON, nothing for null."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case list() | tuple():
            text = "; ".join(str(each) for each in value)
        case Mapping():
            text = msgspec.json.encode(value).decode()
        case _:
            text = str(value)
    return f"'{text}" if text[:1] and text[0] in _FORMULA else text


def flattened(item: Mapping[str, Any], columns: Sequence[str]) -> list[object]:
    """The values of some members, inner ones named with dots."""
    return [_within(item, column.split(".")) for column in columns]


def _within(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def ndjson(items: Iterable[Mapping[str, Any]]) -> bytes:
    """A line of JSON for each item."""
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)
