"""`make lab-check`: `healthsvc lab score` on logs with real outcomes, judged by the program that
lies beside them.

The logs aren't part of the project: where their folder isn't there, it is said and nothing fails.
Each set is scored without outcomes on all rows, and fitted on the first two thirds of its
observation dates, judged on the rest.
"""

import argparse
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
EVALUATE = "evaluate.py"
COLUMNS = "{:29s} {:10s} {:22s} {:>7s} {:>7s} {:>7s} {:>6s} {:>7s} {:>7s} {:>6s}"
HEAD = COLUMNS.format(
    "set", "mode", "model", "AUC", "± se", "in date", "lift10", "skill", "ECE", "s"
)


def main() -> int:
    """Print a row per set and mode."""
    asked = arguments(__doc__).parse_args()
    if not there(asked.datasets):
        return 0
    print(HEAD)
    with tempfile.TemporaryDirectory() as scratch:
        for folder in sorted(p.parent for p in asked.datasets.glob("*/events.csv.gz")):
            if asked.sets is None or folder.name in asked.sets:
                _check(folder, Path(scratch), asked.judge)
    return 0


def arguments(about: str | None) -> argparse.ArgumentParser:
    """What both checks on these logs take."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "judge", nargs="?", default=sys.executable, help="a Python that has pandas and scikit-learn"
    )
    parser.add_argument(
        "sets", nargs="?", type=lambda text: text.split(","), help="some of the logs, with commas"
    )
    parser.add_argument("--datasets", type=Path, default=DATASETS, help="the folder of the logs")
    return parser


def there(datasets: Path) -> bool:
    """Whether the logs are there; says so if not."""
    if not (datasets / EVALUATE).exists():
        print(f"no logs with outcomes at {datasets}; nothing to check")
        return False
    return True


def _check(folder: Path, scratch: Path, judge: str) -> None:
    labels = folder / "labels.csv.gz"
    _row(folder.name, "untrained", judge, scratch, folder / "events.csv.gz", labels, None)
    early, late = scratch / "early.csv.gz", scratch / "late.csv.gz"
    split(labels, early, late)
    _row(folder.name, "fitted", judge, scratch, folder / "events.csv.gz", late, early)


def split(labels: Path, early: Path, late: Path) -> None:
    """The first two thirds of the observation dates, and the others."""
    with gzip.open(labels, "rt", newline="") as file:
        head, *rows = csv.reader(file)
    at = head.index("obs_ts")
    dates = sorted({row[at] for row in rows})
    cut = dates[len(dates) * 2 // 3]
    for path, keep in ((early, False), (late, True)):
        with gzip.open(path, "wt", newline="") as file:
            csv.writer(file).writerows([head, *(row for row in rows if (row[at] >= cut) == keep)])


def _row(
    name: str, mode: str, judge: str, scratch: Path, events: Path, labels: Path, fit: Path | None
) -> None:
    out = scratch / "scores.csv"
    program = Path(sys.executable).parent / "healthsvc"
    command = [program, "lab", "score", "--events", events, "--labels", labels, "--out", out]
    command += ["--fit", fit] if fit else []
    started = time.monotonic()
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    seconds = time.monotonic() - started
    told = json.loads(done.stdout)
    figures = judged(judge, events.parents[1] / EVALUATE, labels, out)
    skill = 1 - figures["brier"] / figures["brier_base"]
    model = told["model"] if told["reason"] != "no_evidence" else "prior (no_evidence)"
    shown = [f"{figures[key]:.4f}" for key in ("auc", "auc_se", "auc_within_date")]
    shown += [
        f"{figures['lift_at_10']:.2f}",
        f"{skill:.4f}",
        f"{figures['ece']:.4f}",
        f"{seconds:.1f}",
    ]
    print(COLUMNS.format(name, mode, model, *shown), flush=True)


def judged(judge: str, program: Path, labels: Path, scores: Path) -> dict[str, Any]:
    """The figures of the program that lies beside the logs."""
    done = subprocess.run(
        [judge, "-W", "ignore", str(program), str(labels), str(scores)],
        check=True,
        capture_output=True,
        text=True,
    )
    pairs = (line.split() for line in done.stdout.splitlines() if line.strip())
    return {key: float(value) for key, value in pairs}


if __name__ == "__main__":
    sys.exit(main())
