"""The lab beside a bare decode loop: a year of events of 10,000 customers, scored at weekly
observations.

Both are fresh processes on the same gzipped CSV. The loop reads, splits and decodes each row (time,
value) and does nothing with it; the lab folds, halts each week and scores every customer. Start-up
is included for both.
"""

import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.product import Measured

CUSTOMERS = 10_000
WEEKS = 48
START = np.datetime64("2025-01-01T00:00:00")
TYPES = np.array(["feature_used", "session", "page_view", "error", "ticket_opened"])
BARE = """
import csv, gzip, sys
from datetime import datetime
count = 0
with gzip.open(sys.argv[1], "rt", newline="") as file:
    rows = csv.reader(file)
    next(rows)
    for account, ts, kind, value in rows:
        datetime.fromisoformat(ts)
        float(value or "nan")
        count += 1
print(count)
"""


def make(folder: Path, events: int, seed: int) -> tuple[Path, Path]:
    """(events, rows to score), written once per count and seed."""
    log, rows = folder / f"lab-{events}-{seed}.csv.gz", folder / f"lab-rows-{CUSTOMERS}.csv.gz"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(0, 365 * 86_400, events))
    who = (CUSTOMERS * rng.random(events) ** 2).astype(np.int64)
    kinds = TYPES[rng.choice(len(TYPES), events, p=[0.5, 0.3, 0.15, 0.03, 0.02])]
    times = np.datetime_as_string(START + seconds.astype("timedelta64[s]"))
    with gzip.open(log, "wt", compresslevel=1) as file:
        file.write("account_id,ts,type,value\n")
        file.writelines(f"a{a},{t}Z,{k},1.5\n" for a, t, k in zip(who, times, kinds, strict=True))
    with gzip.open(rows, "wt", compresslevel=1) as file:
        file.write("account_id,obs_ts,horizon_days\n")
        for week in range(4, 4 + WEEKS):
            at = START + np.timedelta64(week * 7 * 86_400, "s")
            file.writelines(f"a{a},{at}Z,28\n" for a in range(CUSTOMERS))
    return log, rows


def scored(log: Path, rows: Path, events: int) -> Measured:
    """The product's figure."""
    out = log.with_suffix(".scores")
    program = str(Path(sys.executable).parent / "healthsvc")
    command = [
        program,
        "lab",
        "score",
        "--events",
        str(log),
        "--labels",
        str(rows),
        "--out",
        str(out),
    ]
    return _timed(command, events)


def bare(log: Path, events: int) -> Measured:
    """The decode loop's."""
    return _timed([sys.executable, "-c", BARE, str(log)], events)


def _timed(command: list[str], events: int) -> Measured:
    started, cpu = time.monotonic(), _children_cpu()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Measured(
        events=events, seconds=time.monotonic() - started, cpu_seconds=_children_cpu() - cpu
    )


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system
