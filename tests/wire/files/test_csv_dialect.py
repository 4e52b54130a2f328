"""Spreadsheets as offices save them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from healthsvc.wire.files.csv_events import ColumnMapping
from healthsvc.wire.files.event_file import EventFile
from healthsvc.wire.files.file_lines import FileRefusedError, Line

ROW = ("c07", "28/11/2026 09:30", "invoice.paid", "Größe ändern", "1.234,56")
HEADER = ("customer_id", "occurred_at", "type", "invoice_id", "amount")


def csv_of(delimiter: str, *rows: tuple[str, ...]) -> str:
    return "\r\n".join(delimiter.join(row) for row in (HEADER, *rows)) + "\r\n"


def read(
    folder: Path, content: bytes, *, dates: Any = None, name: str = "a.csv"
) -> tuple[list[dict[str, Any]], str | None]:
    path = folder / name
    path.write_bytes(content)
    mapping = None
    if dates is not None:
        columns = {field: field for field in HEADER[:3]}
        data = {field: field for field in HEADER[3:]}
        mapping = ColumnMapping(columns=columns, data=data, dates=dates)
    file = EventFile(path=str(path), mapping=mapping)
    lines = [line for group in file.groups(10) for line in group]
    return [json.loads(line.value) for line in lines if isinstance(line, Line)], file.described()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_encoding_delimiter_dates_and_decimal_commas_are_found(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    [event], dialect = read(tmp_path, csv_of(delimiter, ROW).encode(encoding))

    assert event["occurred_at"] == "2026-11-28T09:30:00+00:00"
    assert event["data"] == {"invoice_id": "Größe ändern", "amount": 1234.56}
    assert "decimal commas in amount" in str(dialect)
    assert "dates in occurred_at day first" in str(dialect)


def test_an_accent_at_the_end_of_a_long_file_decides_its_encoding(tmp_path: Path) -> None:
    plain = ("c07", "2026-11-28T09:30:00Z", "invoice.paid", "i", "1")
    late = ("c07", "2026-11-28T09:30:00Z", "invoice.paid", "é", "1")
    content = csv_of(",", *[plain] * 30_000, late).encode("cp1252")

    events, dialect = read(tmp_path, gzip.compress(content), name="a.csv.gz")

    assert events[-1]["data"]["invoice_id"] == "é"
    assert dialect == "CP1252; delimiter ,"


@pytest.mark.parametrize(
    ("dates", "first"), [("day_first", "2026-04-03"), ("month_first", "2026-03-04")]
)
def test_dates_that_could_be_either_way_must_be_said(
    tmp_path: Path, dates: str, first: str
) -> None:
    content = csv_of(";", ("c07", "03/04/2026", "invoice.paid", "i", "1")).encode()

    [event], _ = read(tmp_path, content, dates=dates)

    assert event["occurred_at"].startswith(first)
    with pytest.raises(FileRefusedError, match="day_first"):
        read(tmp_path, content)


def test_a_day_beyond_12_in_any_row_decides_for_all(tmp_path: Path) -> None:
    rows = [("c07", day, "invoice.paid", "i", "1") for day in ("03/04/2026", "04/28/2026")]

    events, _ = read(tmp_path, csv_of(",", *rows).encode())

    assert [event["occurred_at"][:10] for event in events] == ["2026-03-04", "2026-04-28"]


def test_dates_of_excel_are_read_in_the_column_of_the_time_alone(tmp_path: Path) -> None:
    content = csv_of(";", ("c07", "46354,5", "invoice.paid", "46354", "46354")).encode()

    [event], _ = read(tmp_path, content)

    assert event["occurred_at"] == "2026-11-28T12:00:00+00:00"
    assert event["data"] == {"invoice_id": 46354, "amount": 46354}


def test_a_usual_file_is_read_as_before_and_nothing_is_said(tmp_path: Path) -> None:
    rows = [("c07", "2026-11-28T09:30:00Z", "invoice.paid", "7,5", "1.234")]
    content = csv_of(",", *[(*row[:3], f'"{row[3]}"', row[4]) for row in rows]).encode()

    [event], dialect = read(tmp_path, content)

    assert event["data"] == {"invoice_id": "7,5", "amount": 1.234}
    assert dialect is None


def test_ndjson_with_a_byte_order_mark_crlf_and_blank_lines_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'\xef\xbb\xbf{"a":1}\r\n\r\n{"b":2}\r\n')

    lines = [line for group in EventFile(path=str(path)).groups(10) for line in group]

    assert [json.loads(line.value) for line in lines if isinstance(line, Line)] == [
        {"a": 1},
        {"b": 2},
    ]
