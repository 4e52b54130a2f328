"""Small synthetic logs with outcomes, written as files: customers who fade, or have trouble, leave
more often."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from healthsvc.core.instants import DAY_US, from_us

START_US = 1_672_531_200_000_000
"""2023-01-01T00:00:00Z."""
HORIZON_DAYS = 28
Event = tuple[str, str, str, str]
Row = tuple[str, str, str, str]


def at(days: float) -> str:
    return from_us(START_US + round(days * DAY_US)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Log:
    """Events in time order, and outcome rows (account_id, obs_ts, horizon_days, churned)."""

    events: list[Event]
    rows: list[Row]

    def until(self, day: float) -> "Log":
        """Rows observed up to that day."""
        return Log(self.events, [r for r in self.rows if r[1] <= at(day)])

    def since(self, day: float) -> "Log":
        """Rows observed later."""
        return Log(self.events, [r for r in self.rows if r[1] > at(day)])


def make_log(*, customers: int = 300, days: int = 260, seed: int = 1, telling: bool = True) -> Log:
    """Each customer acts at its own pace until it leaves; if `telling`, a leaving one fades and has
    errors before."""
    rng = np.random.default_rng(seed)
    events: list[tuple[float, str, str, float]] = []
    rows: list[tuple[float, str, int]] = []
    for c in range(customers):
        name, pace = f"c{c:04d}", float(np.exp(rng.normal(-0.7, 0.8)))
        begins, leaves = float(rng.uniform(0, 90)), float(rng.exponential(260)) + 40
        day = begins
        while day < min(days, begins + leaves):
            fading = telling and begins + leaves - day < 45
            day += float(rng.exponential(1 / pace)) * (4 if fading else 1)
            if day < min(days, begins + leaves):
                events.append((day, name, "feature_used", float(rng.uniform(1, 9))))
                if rng.random() < (0.5 if fading else 0.05):
                    events.append((day + 0.01, name, "error", float("nan")))
        for obs in range(60, days - HORIZON_DAYS, 14):
            left = begins + leaves
            if begins < obs < left:
                rows.append((obs, name, int(left <= obs + HORIZON_DAYS)))
    events.sort()
    rows.sort()
    return Log(
        [
            (name, at(day), kind, "" if np.isnan(value) else f"{value:.2f}")
            for day, name, kind, value in events
        ],
        [(name, at(obs), str(HORIZON_DAYS), str(churned)) for obs, name, churned in rows],
    )


def write_events(path: Path, events: Sequence[Sequence[Any]]) -> Path:
    return write(path, ("account_id", "ts", "type", "value"), events)


def write_rows(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    return write(path, ("account_id", "obs_ts", "horizon_days", "churned"), rows)


def write(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    with gzip.open(path, "wt", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
    return path
