"""How a CSV file is written: encoding, delimiter, decimal commas and the order of dates, read off
the whole file.

Nothing is guessed by chance. Dates are day first or month first where all rows agree; where both
would do, the mapping has to say.
"""

import codecs
import csv
import gzip
import io
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from healthsvc.wire.files.file_lines import FileRefusedError

DateOrder = Literal["day_first", "month_first", "excel"]
DELIMITERS: Final = ",;\t|"
UTF_8: Final = "utf-8-sig"
_CHUNK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_DATE: Final = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
)
_COMMA: Final = re.compile(r"-?(\d{1,3}(\.\d{3})+|\d+),\d+")
_WHOLE: Final = re.compile(r"-?(\d{1,3}(\.\d{3})+|\d+)")
_SERIAL: Final = re.compile(r"[2-7]\d{4}([.,]\d+)?")
_SERIAL_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 (Excel's dates have no zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvDialect:
    """How a file is written; columns by their place."""

    encoding: str = UTF_8
    delimiter: str = ","
    comma_columns: frozenset[int] = frozenset()
    date_columns: dict[int, DateOrder] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        return self == CsvDialect()

    def described(self, header: Sequence[str]) -> str:
        """The dialect in words, for the person who sends the file."""
        parts = [
            "UTF-8" if self.encoding == UTF_8 else self.encoding.upper(),
            f"delimiter {'tab' if self.delimiter == chr(9) else self.delimiter}",
        ]
        if self.comma_columns:
            names = ", ".join(header[place] for place in sorted(self.comma_columns))
            parts.append(f"decimal commas in {names}")
        for place, order in sorted(self.date_columns.items()):
            how = {"day_first": "day first", "month_first": "month first", "excel": "Excel's"}
            parts.append(f"dates in {header[place]} {how[order]}")
        return "; ".join(parts)

    def value(self, place: int, text: str) -> str:
        """A cell with a decimal point, or as an ISO date, where its column is written otherwise."""
        order = self.date_columns.get(place)
        if order is not None:
            return iso_date(text, order)
        if place in self.comma_columns:
            return text.replace(".", "").replace(",", ".")
        return text


def detect(
    path: Path, dates: DateOrder | None, times: Container[str]
) -> tuple[CsvDialect, list[str]]:
    """The dialect of a file and its header; `dates` decides where both orders would do, and `times`
    are the columns in which a number is a date of Excel's. Raises FileRefusedError."""
    encoding = _encoding(path)
    with _opened(path) as stream:
        first = io.TextIOWrapper(stream, encoding=encoding, errors="replace").readline()
    delimiter = _delimiter(first)
    with _opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
        rows = _rows(csv.reader(text, delimiter=delimiter))
        header = next(rows, [])
        columns = [_ColumnCells() for _ in header]
        for row in rows:
            for column, cell in zip(columns, row, strict=False):
                if cell:
                    column.add(cell)
    orders = {
        place: order
        for place, column in enumerate(columns)
        if (order := column.order(f"{path}: {header[place]}", dates)) is not None
    }
    orders |= {
        place: "excel"
        for place, column in enumerate(columns)
        if header[place] in times and column.has_serials
    }
    commas = frozenset(
        place for place, column in enumerate(columns) if delimiter != "," and column.has_commas
    )
    dialect = CsvDialect(
        encoding=encoding, delimiter=delimiter, comma_columns=commas, date_columns=orders
    )
    return dialect, header


def iso_date(text: str, order: DateOrder) -> str:
    """A date as ISO writes it; a text that is none stays."""
    if order == "excel":
        at = _SERIAL_ZERO + timedelta(days=float(text.replace(",", ".")))
        return at.replace(microsecond=0).isoformat()
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return text
    day, month = (match[1], match[3]) if order == "day_first" else (match[3], match[1])
    date = f"{match[4]}-{int(month):02}-{int(day):02}"
    return date if match[5] is None else f"{date}T{int(match[5]):02}:{match[6]}:{match[7] or '00'}"


@dataclass(slots=True)
class _ColumnCells:
    """What the cells of one column have in common, so far."""

    cells: int = 0
    commas: int = 0
    numbers: int = 0
    dates: int = 0
    day_first: int = 0
    month_first: int = 0
    serials: int = 0

    def add(self, cell: str) -> None:
        self.cells += 1
        if _COMMA.fullmatch(cell):
            self.commas += 1
            self.numbers += 1
        elif _WHOLE.fullmatch(cell):
            self.numbers += 1
        self.serials += _SERIAL.fullmatch(cell) is not None
        match = _DATE.fullmatch(cell.strip())
        if match is not None:
            self.dates += 1
            self.day_first += int(match[3]) <= 12
            self.month_first += int(match[1]) <= 12 and match[2] != "."

    @property
    def has_commas(self) -> bool:
        return self.commas > 0 and self.numbers == self.cells

    @property
    def has_serials(self) -> bool:
        """Whether all cells may be Excel's days since 1900."""
        return self.cells > 0 and self.serials == self.cells

    def order(self, place: str, chosen: DateOrder | None) -> DateOrder | None:
        """The order of the column's dates; None: it holds none. Raises FileRefusedError."""
        if not self.cells or self.dates < self.cells:
            return None
        day, month = self.day_first == self.cells, self.month_first == self.cells
        if day and month:
            if chosen is None:
                raise FileRefusedError(
                    f"{place}: every date could be day first or month first: say `dates:"
                    " day_first` or `dates: month_first` in the mapping"
                )
            return chosen
        if day:
            return "day_first"
        return "month_first" if month else None


def _encoding(path: Path) -> str:
    """By the mark at the beginning; else UTF-8 unless most of what isn't ASCII in the file is no
    UTF-8: then CP1252."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    with _opened(path) as stream:
        chunk = stream.read(_CHUNK)
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        while chunk:
            if not chunk.isascii():
                text = decoder.decode(chunk)
                readable = text.encode("utf-8", "ignore").decode()
                bad += len(text) - len(readable)
                good += len(readable) - len(readable.encode("ascii", "ignore"))
            chunk = stream.read(_CHUNK)
    return UTF_8 if bad <= good else "cp1252"


def _delimiter(header: str) -> str:
    """The one that the header has most of, outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count) if any(d in bare for d in DELIMITERS) else ","


def _rows(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows that can be read."""
    while True:
        try:
            yield next(rows)
        except csv.Error:
            continue
        except StopIteration:
            return


def _opened(path: Path) -> gzip.GzipFile | io.BufferedReader:
    file = path.open("rb")
    return gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == _GZIP else file
