"""Files of events: NDJSON of envelopes, or CSV with a mapping; plain, gzip, or standard input.

Reading only: a line comes out as the JSON of an envelope, unchecked; whether it is a valid event is
decode's matter.
"""

import csv
import gzip
import io
import math
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import xxhash
import yaml

from healthsvc.core.errors import InvalidInput

STDIN = "-"
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 2 << 20
ENVELOPE_FIELDS = ("id", "source", "type", "customer_id", "occurred_at", "contact_id")
REQUIRED_FIELDS = ("type", "customer_id", "occurred_at")
ALIASES = {"account_id": "customer_id", "ts": "occurred_at", "timestamp": "occurred_at"}

_encode = msgspec.json.Encoder().encode


class FileRefusedError(InvalidInput, ValueError):
    """The file or its mapping can't be read as events."""


class Line(NamedTuple):
    """One event as it stands in the file."""

    number: int  # physical line, from 1
    value: bytes  # JSON of an envelope, unchecked


class BadLine(NamedTuple):
    """A line that never became an event, and why."""

    number: int
    reason: str  # short code
    detail: str


Group = list[Line | BadLine]


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the columns of a CSV become envelopes. Without one, the header's own names are used (see
    `mapping_of`)."""

    columns: dict[str, str] = {}  # envelope field → column
    fixed: dict[str, str] = {}  # envelope field → value for every row
    types: dict[str, str] = {}  # type in the file → event type; others stay as they are
    data: dict[str, str] = {}  # data field → column
    text: frozenset[str] = frozenset()  # data fields that stay text even if they look like numbers
    timezone: str | None = None  # for times without an offset


def load_mapping(path: Path) -> Mapping:
    """The mapping in a YAML file, or FileRefusedError with the place of the fault."""
    try:
        mapping = msgspec.convert(yaml.safe_load(path.read_bytes()), Mapping)
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


def mapping_of(header: list[str]) -> Mapping:
    """The mapping that a header speaks for itself: envelope fields by name or alias, all other
    columns are data."""
    columns: dict[str, str] = {}
    for name in header:
        field = ALIASES.get(name, name)
        if field in ENVELOPE_FIELDS:
            columns.setdefault(field, name)
    data = {name: name for name in header if name and name not in columns.values()}
    return Mapping(columns=columns, data=data)


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
    return _encode({**envelope, "data": data})


def name_of(*parts: str) -> str:
    """A short name for the parts together."""
    return xxhash.xxh3_128_hexdigest("\0".join(parts).encode())


def fingerprint(path: str, *salt: str) -> str:
    """A name for the file's content (and the salt: mapping, destination), the same wherever the
    file lies."""
    digest = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    for part in salt:
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


@dataclass(kw_only=True)
class EventFile:
    """One input file, read once; `groups` may run in another thread than the one that asks for
    progress."""

    path: str
    mapping: Mapping | None = None
    is_csv: bool | None = None  # None: by the name
    size: int | None = None  # bytes as stored; None: unknown (standard input)
    _raw: BinaryIO | None = None

    def __post_init__(self) -> None:
        name = self.path.removesuffix(".gz")
        if self.is_csv is None:
            self.is_csv = self.mapping is not None or name.endswith(".csv")
        if self.path != STDIN:
            self.size = Path(self.path).stat().st_size

    @property
    def source(self) -> str:
        """The source of events that name none: the file's stem."""
        return "stdin" if self.path == STDIN else Path(self.path).name.split(".")[0]

    def bytes_read(self) -> int:
        """Stored bytes taken so far, to compare with `size`."""
        if self._raw is None or self.size is None or self._raw.closed:
            return 0
        return self._raw.tell()

    def groups(self, limit: int, *, after: int = 0) -> Iterator[Group]:
        """The lines after number `after`, in file order, in groups of at most `limit`; blank lines
        are passed over.

        A pipe's groups are what has arrived, so that a slow producer isn't kept waiting for a full
        one.
        """
        stream = self._open()
        try:
            if self.is_csv:
                yield from _grouped(_csv_lines(stream, self.mapping, self.source, after), limit)
            else:
                read_some = stream.read1 if self.path == STDIN else stream.read
                yield from _ndjson_groups(cast("Callable[[int], bytes]", read_some), limit, after)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise FileRefusedError(f"{self.path}: {error}") from error
        finally:
            if self.path != STDIN:
                stream.close()
                self._close()

    def _open(self) -> io.BufferedReader | gzip.GzipFile:
        raw = sys.stdin.buffer if self.path == STDIN else open(self.path, "rb")  # noqa: SIM115 (closed by groups)
        self._raw = raw
        stream = (
            raw
            if isinstance(raw, io.BufferedReader)
            else io.BufferedReader(cast("io.RawIOBase", raw))
        )
        return gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == GZIP_MAGIC else stream

    def _close(self) -> None:
        if self._raw is not None:
            self._raw.close()


def _ndjson_groups(read_some: Callable[[int], bytes], limit: int, after: int) -> Iterator[Group]:
    number, rest = 0, b""
    while chunk := read_some(CHUNK_BYTES):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        numbered = [
            Line(n, line)
            for n, line in enumerate(lines, number + 1)
            if n > after and not _is_blank(line)
        ]
        number += len(lines)
        for start in range(0, len(numbered), limit):
            yield list(numbered[start : start + limit])
    if number + 1 > after and not _is_blank(rest):
        yield [Line(number + 1, rest)]


def _is_blank(line: bytes) -> bool:
    return not line or line.isspace()


def _grouped(lines: Iterator[Line | BadLine], limit: int) -> Iterator[Group]:
    group: Group = []
    for line in lines:
        group.append(line)
        if len(group) == limit:
            yield group
            group = []
    if group:
        yield group


def _csv_lines(
    stream: io.BufferedReader | gzip.GzipFile, mapping: Mapping | None, source: str, after: int
) -> Iterator[Line | BadLine]:
    text = io.TextIOWrapper(
        cast("BinaryIO", stream), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    rows = csv.reader(text)
    header = next(rows, None)
    if header is None:
        return
    row_of = _RowReader(header, mapping or mapping_of(header), source)
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

    def __init__(self, header: list[str], mapping: Mapping, source: str) -> None:
        self._width = len(header)
        self._fixed: dict[str, object] = {"source": source, **mapping.fixed}
        self._fields = [(field, _column(header, name)) for field, name in mapping.columns.items()]
        self._data = [
            (field, _column(header, name), field in mapping.text)
            for field, name in mapping.data.items()
        ]
        self._types = mapping.types
        self._zone = ZoneInfo(mapping.timezone) if mapping.timezone else None
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
            return Line(number, _encode(self._envelope(row)))
        except UnicodeEncodeError:
            return BadLine(number, "invalid_utf8", "not UTF-8")

    def _envelope(self, row: list[str]) -> dict[str, object]:
        envelope = dict(self._fixed)
        envelope["id"] = self._id(row)
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
