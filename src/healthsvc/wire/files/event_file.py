"""Files of events: NDJSON of envelopes, or CSV with a mapping; plain, gzip, or standard input.

Reading only: a line comes out as the JSON of an envelope, unchecked; whether it is a valid event is
decode's matter.
"""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import xxhash

from healthsvc.wire.files.csv_dialect import CsvDialect, detect
from healthsvc.wire.files.csv_events import ALIASES, ColumnMapping, csv_lines
from healthsvc.wire.files.file_lines import BadLine, FileRefusedError, Group, Line

STDIN = "-"
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 2 << 20


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
    mapping: ColumnMapping | None = None
    is_csv: bool | None = None  # None: by the name
    size: int | None = None  # bytes as stored; None: unknown (standard input)
    _raw: BinaryIO | None = None
    _detected: tuple[CsvDialect, list[str]] | None = None

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
                dialect, _ = self._dialect()
                lines = csv_lines(stream, self.mapping, self.source, after, dialect)
                yield from _grouped(lines, limit)
            else:
                read_some = stream.read1 if self.path == STDIN else stream.read
                yield from _ndjson_groups(cast("Callable[[int], bytes]", read_some), limit, after)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise FileRefusedError(f"{self.path}: {error}") from error
        finally:
            if self.path != STDIN:
                stream.close()
                self._close()

    def described(self) -> str | None:
        """How a CSV is written, where it isn't as usual; None: as usual. Raises
        FileRefusedError."""
        if not self.is_csv:
            return None
        dialect, header = self._dialect()
        return None if dialect.is_plain else dialect.described(header)

    def _dialect(self) -> tuple[CsvDialect, list[str]]:
        """Read off the whole file, once; a pipe is taken as usual."""
        if self.path == STDIN:
            return CsvDialect(), []
        if self._detected is None:
            mapping = self.mapping or ColumnMapping()
            times = {
                "occurred_at",
                *(name for name, field in ALIASES.items() if field == "occurred_at"),
                mapping.columns.get("occurred_at", "occurred_at"),
            }
            self._detected = detect(Path(self.path), mapping.dates, times)
        return self._detected

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
        if not number and not rest:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
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
