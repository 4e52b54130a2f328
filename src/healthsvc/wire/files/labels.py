"""Labels of a backtest: who was looked at when, and what became of it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.wire.files.columns import TIME_RULE, _number, instants
from healthsvc.wire.files.file_lines import FileRefusedError
from healthsvc.wire.files.row_groups import RowTally, rows_of

LABEL_COLUMNS: Final = ("account_id", "obs_ts", "horizon_days", "churned", "churn_ts")


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
    tally = RowTally()
    columns_read = LABEL_COLUMNS if outcomes else LABEL_COLUMNS[:3]
    needed = LABEL_COLUMNS[:4] if outcomes else LABEL_COLUMNS[:3]
    for line, columns in rows_of(path, columns_read, needed, tally):
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
    tally = RowTally()
    names = ("account_id", "segment")
    return {
        a: s
        for _, columns in rows_of(path, names, names, tally)
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
