"""Rows of a CSV file, plain or gzipped, in groups of whole lines."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np

from healthsvc.wire.files.event_file import GZIP_MAGIC
from healthsvc.wire.files.file_lines import FileRefusedError

CHUNK_BYTES: Final = 4 << 20
SHOWN: Final = 10
MOST_BAD: Final = 0.1
FEW_BAD: Final = 20
"""A file of which more than this share of the rows, and more than these few, can't be read is
refused."""


@dataclass(slots=True)
class RowTally:
    """What was met in a file."""

    rows: int = 0
    bad: int = 0
    naive: int = 0
    """Times without an offset, taken as UTC."""
    unreadable_values: int = 0
    examples: list[str] = field(default_factory=list)
    """The first bad rows, each with its path, line and what is allowed."""

    def set_aside(self, path: Path, line: int, why: str) -> None:
        self.bad += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"{path}, line {line}: {why}")


def rows_of(
    path: Path, columns_read: Sequence[str], needed: Sequence[str], tally: RowTally
) -> Iterator[tuple[int, list[list[str]]]]:
    """Groups of rows as (line of the first, wanted columns as far as the file has them). Lines are
    exact as long as no field holds a newline and no row was set aside before it in the group."""
    try:
        with _open(path) as stream:
            yield from groups_of(path, stream, columns_read, needed, tally)
    except UnicodeDecodeError as error:
        raise FileRefusedError(f"{path}: must be UTF-8: {error}") from error
    except (gzip.BadGzipFile, zlib.error, EOFError, csv.Error) as error:
        raise FileRefusedError(f"{path}: {error}") from error


def _open(path: Path) -> BinaryIO:
    raw = open(path, "rb")  # noqa: SIM115 (closed by the stream over it)
    magic = raw.peek(2)[:2]
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if magic == GZIP_MAGIC else raw


def groups_of(
    path: Path,
    stream: BinaryIO,
    columns_read: Sequence[str],
    needed: Sequence[str],
    tally: RowTally,
) -> Iterator[tuple[int, list[list[str]]]]:
    first = stream.readline().decode("utf-8-sig")
    header = next(csv.reader([first]), []) if first.strip() else []
    names = [name.strip().lower() for name in header]
    missing = [name for name in needed if name not in names]
    if missing:
        hint = f"in {first.strip()[:200]!r}" if first.strip() else "since it is empty"
        raise FileRefusedError(
            f"{path}, line 1: needs the columns {', '.join(needed)}, separated by commas; missing"
            f" {', '.join(missing)} {hint}"
        )
    places = [names.index(name) for name in columns_read if name in names]
    width, line, rest = len(names), 2, b""
    while chunk := stream.read(CHUNK_BYTES):
        chunk = rest + chunk
        if b'"' in chunk:
            text = io.TextIOWrapper(
                cast("BinaryIO", _Joined(chunk, stream)), encoding="utf-8", newline=""
            )
            yield from _slow_groups(path, text, line, width, places, tally)
            return
        whole, _, rest = chunk.rpartition(b"\n")
        if whole:
            yield line, _split(path, whole, line, width, places, tally)
            line += whole.count(b"\n") + 1
    if rest.strip():
        yield line, _split(path, rest, line, width, places, tally)


def _split(
    path: Path, whole: bytes, line: int, width: int, places: list[int], tally: RowTally
) -> list[list[str]]:
    """Columns of lines without quotes."""
    if b"\r" in whole:
        whole = whole.replace(b"\r", b"")
    letters = np.frombuffer(whole, np.uint8)
    ends = np.flatnonzero(letters == 10)
    commas = np.flatnonzero(letters == 44)
    before = np.searchsorted(commas, ends)
    even = len(commas) == (width - 1) * (len(ends) + 1) and bool(
        (before == (width - 1) * np.arange(1, len(ends) + 1)).all()
    )
    if even and width > 1:
        flat = whole.decode().replace("\n", ",").split(",")
        return [flat[p::width] for p in places]
    rows = [text.split(",") for text in whole.decode().split("\n")]
    return _even(path, rows, line, width, places, tally)


def _even(
    path: Path, rows: list[list[str]], line: int, width: int, places: list[int], tally: RowTally
) -> list[list[str]]:
    good = []
    for i, row in enumerate(rows):
        if len(row) == width:
            good.append(row)
        elif row not in ([], [""]):
            tally.rows += 1
            tally.set_aside(path, line + i, f"{len(row)} fields where the header has {width}")
    return [[row[p] for row in good] for p in places]


def _slow_groups(
    path: Path, text: io.TextIOWrapper, line: int, width: int, places: list[int], tally: RowTally
) -> Iterator[tuple[int, list[list[str]]]]:
    group: list[list[str]] = []
    reader = csv.reader(text)
    for row in reader:
        group.append(row)
        if len(group) == 50_000:
            yield line, _even(path, group, line, width, places, tally)
            line += len(group)
            group = []
    if group:
        yield line, _even(path, group, line, width, places, tally)


class _Joined(io.RawIOBase):
    """Bytes already read, then the rest of the stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = memoryview(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast("bytearray", buffer))
        if len(self._head):
            n = min(len(target), len(self._head))
            target[:n] = self._head[:n]
            self._head = self._head[n:]
            return n
        more = self._rest.read(len(target))
        target[: len(more)] = more
        return len(more)
