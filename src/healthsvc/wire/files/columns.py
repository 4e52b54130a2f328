"""Event logs and outcome rows as columns: CSV of account_id, ts, type, value, and of account_id,
obs_ts, horizon_days.

Made for tens of millions of rows: chunks without quotes are split by their commas at once, others
go through the csv module. A bad event row is set aside with its line and reason; a bad outcome row
refuses the file, since it must have an answer. Times without an offset are taken as UTC, and
counted.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.instants import to_us
from healthsvc.wire.events.times import parse_instants
from healthsvc.wire.files.file_lines import FileRefusedError
from healthsvc.wire.files.row_groups import FEW_BAD, MOST_BAD, RowTally, rows_of

EVENT_COLUMNS: Final = ("account_id", "ts", "type", "value")
TIME_RULE: Final = "a time such as 2026-05-04T09:30:00Z, or a date"
_NAIVE_LENGTHS: Final = (19, 23, 26)

Texts = Sequence[str]


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


def read_events(path: Path, tally: RowTally) -> Iterator[EventColumns]:
    """The events of a CSV, plain or gzip, in groups in file order. Raises FileRefusedError."""
    for line, columns in rows_of(path, EVENT_COLUMNS, ("account_id", "ts", "type"), tally):
        tally.rows += len(columns[0])
        yield _events(path, line, columns, tally)
    if tally.bad > max(FEW_BAD, MOST_BAD * tally.rows):
        examples = "; ".join(tally.examples[:3])
        raise FileRefusedError(
            f"{path}: {tally.bad} of {tally.rows} rows can't be read: {examples}"
        )


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


def _events(path: Path, line: int, columns: list[list[str]], tally: RowTally) -> EventColumns:
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


def _values(texts: list[str], tally: RowTally) -> NDArray[np.float64]:
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
