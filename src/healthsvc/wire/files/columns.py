"""Event logs and outcome rows as columns: CSV of account_id, ts, type, value, and of account_id,
obs_ts, horizon_days.

Made for tens of millions of rows: chunks without quotes are split by their commas at once, others
go through the csv module. A bad event row is set aside with its line and reason; a bad outcome row
refuses the file, since it must have an answer. Times without an offset are taken as UTC, and
counted.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.instants import to_us
from healthsvc.wire.events.times import parse_instants
from healthsvc.wire.files.event_file import GZIP_MAGIC, FileRefusedError

CHUNK_BYTES: Final = 4 << 20
EVENT_COLUMNS: Final = ("account_id", "ts", "type", "value")
LABEL_COLUMNS: Final = ("account_id", "obs_ts", "horizon_days", "churned", "churn_ts")
SHOWN: Final = 10
MOST_BAD: Final = 0.1
FEW_BAD: Final = 20
"""A file of which more than this share of the rows, and more than these few, can't be read is
refused."""
TIME_RULE: Final = "a time such as 2026-05-04T09:30:00Z, or a date"
_NAIVE_LENGTHS: Final = (19, 23, 26)

Texts = Sequence[str]


@dataclass(slots=True)
class Tally:
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


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events in file order; one entry an event."""

    accounts: Texts
    types: Texts
    us: NDArray[np.int64]
    values: NDArray[np.float64]
    """NaN where there is none."""

    def __len__(self) -> int:
        return len(self.us)


@dataclass(frozen=True, slots=True)
class Labels:
    """The rows of an outcome file, in its order."""

    accounts: list[str]
    obs: list[str]
    """As written."""
    obs_us: NDArray[np.int64]
    horizon_us: NDArray[np.int64]
    churned: NDArray[np.float64]
    """0, 1, or NaN where it isn't told."""
    churn_us: NDArray[np.int64]
    """-1 where it isn't told."""

    def __len__(self) -> int:
        return len(self.accounts)


def read_events(path: Path, tally: Tally) -> Iterator[EventColumns]:
    """The events of a CSV, plain or gzip, in groups in file order. Raises FileRefusedError."""
    for line, columns in _rows(path, EVENT_COLUMNS, ("account_id", "ts", "type"), tally):
        tally.rows += len(columns[0])
        yield _events(path, line, columns, tally)
    if tally.bad > max(FEW_BAD, MOST_BAD * tally.rows):
        examples = "; ".join(tally.examples[:3])
        raise FileRefusedError(
            f"{path}: {tally.bad} of {tally.rows} rows can't be read: {examples}"
        )


def read_labels(path: Path, *, outcomes: bool) -> Labels:
    """The rows of an outcome file; without `outcomes` what it tells of them isn't read, and there
    must be some.

    Raises FileRefusedError.
    """
    accounts: list[str] = []
    obs: list[str] = []
    parts: list[
        tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]
    ] = []
    tally = Tally()
    columns_read = LABEL_COLUMNS if outcomes else LABEL_COLUMNS[:3]
    needed = LABEL_COLUMNS[:4] if outcomes else LABEL_COLUMNS[:3]
    for line, columns in _rows(path, columns_read, needed, tally):
        accounts += columns[0]
        obs += columns[1]
        parts.append(_label_numbers(path, line, columns, outcomes=outcomes))
    if tally.bad:
        raise FileRefusedError(tally.examples[0])
    if not accounts and not outcomes:
        raise FileRefusedError(f"{path}: has no rows")
    obs_us, horizon, churned, churn_us = (
        np.concatenate(p) for p in zip(_NO_NUMBERS, *parts, strict=True)
    )
    return Labels(
        accounts,
        obs,
        obs_us,
        horizon.astype(np.int64),
        churned.astype(np.float64),
        churn_us.astype(np.int64),
    )


def read_segments(path: Path) -> dict[str, str]:
    """Segment of each account. Raises FileRefusedError."""
    tally = Tally()
    names = ("account_id", "segment")
    return {
        a: s
        for _, columns in _rows(path, names, names, tally)
        for a, s in zip(*columns, strict=True)
    }


def _label_numbers(
    path: Path, line: int, columns: list[list[str]], *, outcomes: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    n = len(columns[0])
    obs_us, ok, _ = instants(columns[1])
    if not ok.all():
        bad = int(np.flatnonzero(~ok)[0])
        raise FileRefusedError(
            f"{path}, line {line + bad}: obs_ts must be {TIME_RULE}, got {columns[1][bad]!r}"
        )
    horizon = np.zeros(n, np.int64)
    memo: dict[str, int] = {}
    for i, text in enumerate(columns[2]):
        duration_us = memo.get(text)
        if duration_us is None:
            number = _number(text)
            if not 0 < number <= 36_500:
                raise FileRefusedError(
                    f"{path}, line {line + i}: horizon_days must be a number of days, got {text!r}"
                )
            duration_us = memo[text] = round(number * 86_400_000_000)
        horizon[i] = duration_us
    churned, churn_us = np.full(n, np.nan), np.full(n, -1, np.int64)
    if outcomes:
        churned = np.array([_OUTCOMES.get(text.strip().lower(), math.nan) for text in columns[3]])
        unknown = [i for i in np.flatnonzero(np.isnan(churned)).tolist() if columns[3][i].strip()]
        if unknown:
            got = columns[3][unknown[0]]
            raise FileRefusedError(
                f"{path}, line {line + unknown[0]}: churned must be 0, 1 or empty, got {got!r}"
            )
        if len(columns) > 4:
            with_churn_ts = [i for i, text in enumerate(columns[4]) if text]
            us, ok, _ = instants([columns[4][i] for i in with_churn_ts])
            churn_us[with_churn_ts] = np.where(ok, us, -1)
    return obs_us, horizon, churned, churn_us


_NO_NUMBERS: Final = (
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0),
    np.zeros(0, np.int64),
)
_OUTCOMES: Final = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}


def instants(texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
    """(microseconds, readable, how many had no offset and were taken as UTC) of times as files
    write them."""
    if not texts:
        return np.zeros(0, np.int64), np.zeros(0, np.bool_), 0
    us, ok = (None, None) if len(texts[0]) in (10, *_NAIVE_LENGTHS) else parse_instants(texts)
    if us is not None and ok is not None and ok.all():
        return us, ok, 0
    whole, naive = [], 0
    for text in texts:
        plain = text.strip()
        if len(plain) == 10:
            plain += "T00:00:00Z"
        elif (
            len(plain) in _NAIVE_LENGTHS
            and plain[-1] not in "Zz"
            and "+" not in plain
            and plain[-6:-5] != "-"
        ):
            plain += "Z"
            naive += 1
        whole.append(plain if plain[10:11] != " " else f"{plain[:10]}T{plain[11:]}")
    us, ok = parse_instants(whole)
    for i in np.flatnonzero(~ok).tolist():
        parsed = _other_form(texts[i])
        if parsed is not None:
            us[i], ok[i] = parsed[0], True
            naive += parsed[1]
    return us, ok, naive


def _other_form(text: str) -> tuple[int, bool] | None:
    """Any other form of ISO 8601 (microseconds, whether it had no offset); None if it is none."""
    try:
        at = datetime.fromisoformat(text.strip())
        return to_us(at if at.tzinfo else at.replace(tzinfo=UTC)), at.tzinfo is None
    except (ValueError, OverflowError):
        return None


def _events(path: Path, line: int, columns: list[list[str]], tally: Tally) -> EventColumns:
    accounts, times, types = columns[0], columns[1], columns[2]
    us, ok, naive = instants(times)
    tally.naive += naive
    values = _values(columns[3], tally) if len(columns) > 3 else np.full(len(accounts), np.nan)
    is_named = "" not in accounts
    if ok.all() and is_named:
        return EventColumns(accounts, types, us, values)
    for i in np.flatnonzero(~ok).tolist():
        tally.set_aside(path, line + i, f"ts must be {TIME_RULE}, got {times[i]!r}")
    if not is_named:
        for i in [i for i, a in enumerate(accounts) if not a and ok[i]]:
            ok[i] = False
            tally.set_aside(path, line + i, "account_id is empty")
    good = np.flatnonzero(ok).tolist()
    return EventColumns(
        [accounts[i] for i in good], [types[i] for i in good], us[good], values[good]
    )


def _values(texts: list[str], tally: Tally) -> NDArray[np.float64]:
    try:
        return np.array([float(t) if t else math.nan for t in texts])
    except ValueError:
        numbers = np.array([_number(t) for t in texts])
        tally.unreadable_values += sum(
            1 for t, v in zip(texts, numbers.tolist(), strict=True) if t and math.isnan(v)
        )
        return numbers


def _number(text: str) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        return math.nan


# Rows
# --------------------------------------------------------------------------------------------------


def _rows(
    path: Path, columns_read: Sequence[str], needed: Sequence[str], tally: Tally
) -> Iterator[tuple[int, list[list[str]]]]:
    """Groups of rows as (line of the first, wanted columns as far as the file has them). Lines are
    exact as long as no field holds a newline and no row was set aside before it in the group."""
    try:
        with _open(path) as stream:
            yield from _groups(path, stream, columns_read, needed, tally)
    except UnicodeDecodeError as error:
        raise FileRefusedError(f"{path}: must be UTF-8: {error}") from error
    except (gzip.BadGzipFile, zlib.error, EOFError, csv.Error) as error:
        raise FileRefusedError(f"{path}: {error}") from error


def _open(path: Path) -> BinaryIO:
    raw = open(path, "rb")  # noqa: SIM115 (closed by the stream over it)
    magic = raw.peek(2)[:2]
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if magic == GZIP_MAGIC else raw


def _groups(
    path: Path, stream: BinaryIO, columns_read: Sequence[str], needed: Sequence[str], tally: Tally
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
    path: Path, whole: bytes, line: int, width: int, places: list[int], tally: Tally
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
    path: Path, rows: list[list[str]], line: int, width: int, places: list[int], tally: Tally
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
    path: Path, text: io.TextIOWrapper, line: int, width: int, places: list[int], tally: Tally
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
