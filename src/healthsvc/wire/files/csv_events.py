"""Events from the rows of a CSV file, by a mapping of its columns."""

import csv
import gzip
import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import xxhash
import yaml

from healthsvc.wire.files.csv_dialect import CsvDialect
from healthsvc.wire.files.file_lines import BadLine, FileRefusedError, Line, encode_json

_ERRORS = "surrogateescape"
ENVELOPE_FIELDS = ("id", "source", "type", "customer_id", "occurred_at", "contact_id")
REQUIRED_FIELDS = ("type", "customer_id", "occurred_at")
ALIASES = {"account_id": "customer_id", "ts": "occurred_at", "timestamp": "occurred_at"}


class ColumnMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the columns of a CSV become envelopes. Without one, the header's own names are used (see
    `mapping_of`)."""

    columns: dict[str, str] = {}  # envelope field → column
    fixed: dict[str, str] = {}  # envelope field → value for every row
    types: dict[str, str] = {}  # type in the file → event type; others stay as they are
    data: dict[str, str] = {}  # data field → column
    text: frozenset[str] = frozenset()  # data fields that stay text even if they look like numbers
    timezone: str | None = None  # for times without an offset; UTC for dates in other forms
    dates: Literal["day_first", "month_first"] | None = None  # where a file allows both


def load_mapping(path: Path) -> ColumnMapping:
    """The mapping in a YAML file, or FileRefusedError with the place of the fault."""
    try:
        mapping = msgspec.convert(yaml.safe_load(path.read_bytes()), ColumnMapping)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise FileRefusedError(f"{path}: {error}") from error
    unknown = (mapping.columns.keys() | mapping.fixed.keys()) - set(ENVELOPE_FIELDS)
    if unknown:
        names = ", ".join(sorted(unknown))
        raise FileRefusedError(
            f"{path}: {names}: not a field of an event ({', '.join(ENVELOPE_FIELDS)})"
        )
    try:
        _ = mapping.timezone and ZoneInfo(mapping.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise FileRefusedError(f"{path}: timezone: {error}") from error
    return mapping


def mapping_of(header: list[str]) -> ColumnMapping:
    """The mapping that a header speaks for itself: envelope fields by name or alias, all other
    columns are data."""
    columns: dict[str, str] = {}
    for name in header:
        field = ALIASES.get(name, name)
        if field in ENVELOPE_FIELDS:
            columns.setdefault(field, name)
    data = {name: name for name in header if name and name not in columns.values()}
    return ColumnMapping(columns=columns, data=data)


def encode_event(
    *,
    id: str,
    source: str,
    type: str,
    customer_id: str,
    occurred_us: int,
    contact_id: str | None,
    data: object,
) -> bytes:
    """One envelope as a line of NDJSON, without its newline."""
    at = datetime.fromtimestamp(occurred_us / 1e6, UTC)
    occurred_at = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    envelope = {
        "id": id,
        "source": source,
        "type": type,
        "customer_id": customer_id,
        "occurred_at": occurred_at,
    }
    if contact_id is not None:
        envelope["contact_id"] = contact_id
    return encode_json({**envelope, "data": data})


def name_of(*parts: str) -> str:
    """A short name for the parts together."""
    return xxhash.xxh3_128_hexdigest("\0".join(parts).encode())


def csv_lines(
    stream: io.BufferedReader | gzip.GzipFile,
    mapping: ColumnMapping | None,
    source: str,
    after: int,
    dialect: CsvDialect,
) -> Iterator[Line | BadLine]:
    text = io.TextIOWrapper(
        cast("BinaryIO", stream), encoding=dialect.encoding, errors=_ERRORS, newline=""
    )
    rows = csv.reader(text, delimiter=dialect.delimiter)
    header = next(rows, None)
    if header is None:
        return
    row_of = _RowReader(header, mapping or mapping_of(header), source, dialect)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(rows.line_num, "invalid_csv", str(error))
            continue
        if not row:
            continue
        line = row_of(
            rows.line_num, row
        )  # also for rows already sent: they count among the identical ones
        if rows.line_num > after:
            yield line


class _RowReader:
    """Rows of one CSV into envelopes, with ids that are the same each time the file is read.

    An id is the hash of the row's text, and an ordinal among identical rows: about 100 bytes of
    memory a row.
    """

    def __init__(
        self, header: list[str], mapping: ColumnMapping, source: str, dialect: CsvDialect
    ) -> None:
        self._dialect = dialect
        self._width = len(header)
        self._fixed: dict[str, object] = {"source": source, **mapping.fixed}
        self._fields = [(field, _column(header, name)) for field, name in mapping.columns.items()]
        self._data = [
            (field, _column(header, name), field in mapping.text)
            for field, name in mapping.data.items()
        ]
        self._types = mapping.types
        zone = mapping.timezone or ("UTC" if dialect.date_columns else None)
        self._zone = ZoneInfo(zone) if zone else None
        self._seen: dict[int, int] = {}
        missing = [
            field
            for field in REQUIRED_FIELDS
            if field not in self._fixed and field not in mapping.columns
        ]
        if missing:
            raise FileRefusedError(
                f"no column for {', '.join(missing)} in the header {','.join(header)!r}: give a"
                " mapping"
            )

    def __call__(self, number: int, row: list[str]) -> Line | BadLine:
        if len(row) != self._width:
            return BadLine(
                number, "invalid_csv", f"{len(row)} fields where the header has {self._width}"
            )
        try:
            return Line(number, encode_json(self._envelope(row)))
        except UnicodeEncodeError:
            return BadLine(number, "invalid_utf8", "not UTF-8")

    def _envelope(self, row: list[str]) -> dict[str, object]:
        envelope = dict(self._fixed)
        envelope["id"] = self._id(row)
        if not self._dialect.is_plain:
            row = [
                self._dialect.value(place, cell) if cell else "" for place, cell in enumerate(row)
            ]
        for field, column in self._fields:
            if value := row[column]:
                envelope[field] = value
        kind = envelope.get("type")
        if isinstance(kind, str):
            envelope["type"] = self._types.get(kind, kind)
        if self._zone is not None:
            envelope["occurred_at"] = _with_zone(str(envelope.get("occurred_at", "")), self._zone)
        envelope["data"] = {
            field: row[column] if is_text else _value(row[column])
            for field, column, is_text in self._data
            if row[column]
        }
        return envelope

    def _id(self, row: list[str]) -> str:
        digest = xxhash.xxh3_128_intdigest("\x1f".join(row).encode("utf-8", "surrogateescape"))
        ordinal = self._seen.get(digest, 0)
        self._seen[digest] = ordinal + 1
        return f"{digest:032x}-{ordinal}" if ordinal else f"{digest:032x}"


def _column(header: list[str], name: str) -> int:
    try:
        return header.index(name)
    except ValueError:
        raise FileRefusedError(f"no column {name!r} in the header {','.join(header)!r}") from None


def _value(text: str) -> object:
    """The number that a text is, else the text."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number) or "_" in text:
        return text
    digits = text.lstrip("-")
    if not digits.isdigit():
        return number
    return (
        text if digits.startswith("0") and digits != "0" else int(number)
    )  # 007 is a code, not seven


def _with_zone(text: str, zone: ZoneInfo) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text  # decode says what is wrong with it
    return text if at.tzinfo is not None else at.replace(tzinfo=zone).isoformat()
