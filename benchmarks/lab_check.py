"""`make lab-check`: `healthsvc lab score` on logs with real outcomes, judged by the program that lies beside them.

The logs aren't part of the project: where their folder isn't there, it is said and nothing fails. Each set is scored
without outcomes on all rows, and fitted on the first two thirds of its observation dates, judged on the rest.
"""

import csv
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DATASETS = Path(__file__).parents[2] / "shared" / "datasets"
COLUMNS = "{:29s} {:10s} {:22s} {:>7s} {:>7s} {:>7s} {:>6s} {:>7s} {:>7s} {:>6s}"
HEAD = COLUMNS.format("set", "mode", "model", "AUC", "± se", "in date", "lift10", "skill", "ECE", "s")


def main() -> int:
    """Print a row per set and mode; judge: the Python that has pandas and scikit-learn (first argument)."""
    if not (DATASETS / "evaluate.py").exists():
        print(f"lab-check: no logs with outcomes at {DATASETS}; nothing to check")
        return 0
    judge = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    only = sys.argv[2].split(",") if len(sys.argv) > 2 else None
    print(HEAD)
    with tempfile.TemporaryDirectory() as scratch:
        for folder in sorted(p.parent for p in DATASETS.glob("*/events.csv.gz")):
            if only is None or folder.name in only:
                _check(folder, Path(scratch), judge)
    return 0


def _check(folder: Path, scratch: Path, judge: str) -> None:
    labels = folder / "labels.csv.gz"
    _row(folder.name, "untrained", judge, scratch, folder / "events.csv.gz", labels, None)
    early, late = scratch / "early.csv.gz", scratch / "late.csv.gz"
    _split(labels, early, late)
    _row(folder.name, "fitted", judge, scratch, folder / "events.csv.gz", late, early)


def _split(labels: Path, early: Path, late: Path) -> None:
    """The first two thirds of the observation dates, and the others."""
    with gzip.open(labels, "rt", newline="") as file:
        head, *rows = csv.reader(file)
    at = head.index("obs_ts")
    dates = sorted({row[at] for row in rows})
    cut = dates[len(dates) * 2 // 3]
    for path, keep in ((early, False), (late, True)):
        with gzip.open(path, "wt", newline="") as file:
            csv.writer(file).writerows([head, *(row for row in rows if (row[at] >= cut) == keep)])


def _row(name: str, mode: str, judge: str, scratch: Path, events: Path, labels: Path, fit: Path | None) -> None:
    out = scratch / "scores.csv"
    program = Path(sys.executable).parent / "healthsvc"
    command = [program, "lab", "score", "--events", events, "--labels", labels, "--out", out]
    command += ["--fit", fit] if fit else []
    started = time.monotonic()
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    seconds = time.monotonic() - started
    told = json.loads(done.stdout)
    figures = _judged(judge, labels, out)
    skill = 1 - figures["brier"] / figures["brier_base"]
    model = told["model"] if told["reason"] != "no_evidence" else "prior (no_evidence)"
    shown = [f"{figures[key]:.4f}" for key in ("auc", "auc_se", "auc_within_date")]
    shown += [f"{figures['lift_at_10']:.2f}", f"{skill:.4f}", f"{figures['ece']:.4f}", f"{seconds:.1f}"]
    print(COLUMNS.format(name, mode, model, *shown), flush=True)


def _judged(judge: str, labels: Path, scores: Path) -> dict[str, Any]:
    program = DATASETS / "evaluate.py"
    done = subprocess.run(
        [judge, "-W", "ignore", str(program), str(labels), str(scores)], check=True, capture_output=True, text=True
    )
    pairs = (line.split() for line in done.stdout.splitlines() if line.strip())
    return {key: float(value) for key, value in pairs}


if __name__ == "__main__":
    sys.exit(main())
