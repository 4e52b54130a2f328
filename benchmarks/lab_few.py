"""`make lab-few`: is a fit on few churners ever worse than the prior? On the logs of `make
lab-check`, cut as there.

L0 is cut to k customers who churn within the dates fitted on and the same share of the others,
drawn anew for each seed; the later rows are judged, all of them. The AUC is told by the program
beside the logs, the standard error is that of its gain over the prior's (the same rows; customers
are the units). The prior is a ranking: for log loss and Brier it is moved to L0's base rate, and
nothing else. A draw is *clearly worse* where AUC or log loss are worse by more than two of their
errors. Where the prior stays its scores must be the same bits: that is checked.

With `--all-others` all others are kept beside the k churners: a base rate that the later rows don't
have, so there the AUC alone decides.
"""

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lab_check import EVALUATE, arguments, judged, split, there
from healthsvc.core.fit import logistic, standard_errors
from healthsvc.core.fit.numbers import stated_base_rate
from healthsvc.core.fit.standard_errors import EstimatedFigure
from healthsvc.core.risk.model import prior
from healthsvc.wire.files.labels import Labels, read_labels

CHURNERS = (10, 20, 50, 100)
SEEDS = (0, 1, 2, 3, 4)
SETS = ("retail", "cdnow", "oulad")
STAYED = "prior (no_evidence)"
COLUMNS = "{:10s} {:>8s} {:>5s} {:>6s} {:22s} {:>18s} {:>19s} {:>19s}  {}"
HEAD = COLUMNS.format(
    "set", "churners", "seed", "rows", "model", "AUC gain", "log loss more", "Brier more", ""
)


@dataclass(frozen=True, slots=True)
class Log:
    """A log cut by its dates, and what the prior makes of its rows."""

    events: Path
    late_file: Path
    early: Labels
    early_prior: np.ndarray
    late: Labels
    late_prior: np.ndarray
    prior_auc: float


@dataclass(frozen=True, slots=True)
class Draw:
    """One fit beside the prior: more is worse for the losses; all 0 where the prior stayed."""

    model: str
    auc_gain: EstimatedFigure
    log_loss: EstimatedFigure
    brier: EstimatedFigure

    def clearly_worse(self, *, order_alone: bool) -> bool:
        """order_alone: the AUC decides, since the level of the rows fitted on is no guide to that
        of those judged."""
        losses = [] if order_alone else [self.log_loss]
        worse = [EstimatedFigure(-self.auc_gain.value, self.auc_gain.error), *losses]
        return any(figure.value > 2 * figure.error for figure in worse)


def main() -> int:
    """Print a row per set, number of churners and draw."""
    parser = arguments(__doc__)
    parser.add_argument("--churners", type=_numbers, default=CHURNERS, help="how many, with commas")
    parser.add_argument("--seeds", type=_numbers, default=SEEDS, help="of the draws, with commas")
    parser.add_argument(
        "--all-others", action="store_true", help="keep all others: the AUC alone is judged"
    )
    asked = parser.parse_args()
    if not there(asked.datasets):
        return 0
    print(HEAD)
    with tempfile.TemporaryDirectory() as scratch:
        for name in asked.sets or SETS:
            log = _prepared(asked.datasets / name, Path(scratch), asked.judge)
            for k in asked.churners:
                _draws(name, log, k, Path(scratch), asked)
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(k) for k in text.split(","))


def _draws(name: str, log: Log, k: int, scratch: Path, asked: argparse.Namespace) -> None:
    draws = []
    for seed in asked.seeds:
        rows = drawn(log.early, int(log.late.obs_us.min()), k, seed, all_others=asked.all_others)
        if rows is None:
            print(f"{name}: fewer than {k} churners to draw from")
            return
        draws.append(_draw(log, rows, scratch, asked.judge))
        _tell(name, str(k), str(seed), str(len(rows)), draws[-1], order_alone=asked.all_others)
    gains = np.array([d.auc_gain.value for d in draws])
    stayed, worse = (
        sum(d.model == STAYED for d in draws),
        sum(d.clearly_worse(order_alone=asked.all_others) for d in draws),
    )
    print(
        f"{name}, {k} churners: AUC gain {gains.min():+.4f} … {gains.max():+.4f}, mean"
        f" {gains.mean():+.4f}; of {len(draws)} draws the prior stayed in {stayed}, clearly worse"
        f" are {worse}",
        flush=True,
    )


def drawn(
    early: Labels, before_us: int, k: int, seed: int, *, all_others: bool = False
) -> np.ndarray | None:
    """Row numbers of k churners whose outcome was known by an instant and of the same share of the
    others.

    None with fewer than k churners.
    """
    known = early.obs_us + early.horizon_us <= before_us
    accounts = np.array(early.accounts, dtype=object)
    churners = np.unique(accounts[known & (early.churned == 1)])
    others = np.setdiff1d(np.unique(accounts[known]), churners)
    if len(churners) < k:
        return None
    rng = np.random.default_rng(seed)
    some = rng.permutation(churners)[:k]
    beside = (
        others if all_others else rng.permutation(others)[: round(len(others) * k / len(churners))]
    )
    taken = {*some.tolist(), *beside.tolist()}
    return np.flatnonzero(np.fromiter((a in taken for a in early.accounts), bool, len(early)))


def _prepared(folder: Path, scratch: Path, judge: str) -> Log:
    early_file, late_file = scratch / "early.csv.gz", scratch / "late.csv.gz"
    split(folder / "labels.csv.gz", early_file, late_file)
    events = folder / "events.csv.gz"
    of_early, _ = _scored(events, early_file, scratch / "early_prior.csv", None)
    out = scratch / "late_prior.csv"
    of_late, _ = _scored(events, late_file, out, None)
    early, late = (read_labels(f, outcomes=True) for f in (early_file, late_file))
    return Log(
        events,
        late_file,
        early,
        of_early,
        late,
        of_late,
        judged(judge, events.parents[1] / EVALUATE, late_file, out)["auc"],
    )


def _draw(log: Log, rows: np.ndarray, scratch: Path, judge: str) -> Draw:
    few, out = scratch / "few.csv.gz", scratch / "scores.csv"
    _write(few, log.early, rows)
    risks, told = _scored(log.events, log.late_file, out, few)
    y = log.late.churned
    customer = np.unique(np.array(log.late.accounts, dtype=object), return_inverse=True)[1].astype(
        np.int64
    )
    if told["reason"] == "no_evidence":
        if not np.array_equal(risks, log.late_prior):
            raise AssertionError("the prior stayed, but the scores aren't the prior's")
        same = EstimatedFigure(0.0, 0.0)
        return Draw(STAYED, same, same, same)
    gain = standard_errors.auc_gain(y, risks, log.late_prior, customer)
    gain = EstimatedFigure(
        judged(judge, log.events.parents[1] / EVALUATE, log.late_file, out)["auc"] - log.prior_auc,
        gain.error,
    )
    before = _levelled(log, rows)
    loss = standard_errors.mean(
        logistic.log_loss(_odds(risks), y) - logistic.log_loss(_odds(before), y), customer
    )
    brier = standard_errors.mean((risks - y) ** 2 - (before - y) ** 2, customer)
    return Draw(told["model"], gain, loss, brier)


def _levelled(log: Log, rows: np.ndarray) -> np.ndarray:
    """The prior's risks of the later rows, its level moved to the base rate of the rows fitted
    on."""
    known = rows[(log.early.obs_us + log.early.horizon_us)[rows] <= int(log.late.obs_us.min())]
    plain = prior(int(log.late.horizon_us[0]))
    moved = stated_base_rate(
        plain, _odds(log.early_prior[known]), float(log.early.churned[known].mean())
    )
    return logistic.chance(_odds(log.late_prior) + moved.intercept - plain.intercept)


def _odds(risks: np.ndarray) -> np.ndarray:
    return np.log(risks) - np.log1p(-risks)


def _scored(
    events: Path, labels: Path, out: Path, fit: Path | None
) -> tuple[np.ndarray, dict[str, Any]]:
    program = Path(sys.executable).parent / "healthsvc"
    command = [program, "lab", "score", "--events", events, "--labels", labels, "--out", out]
    command += ["--fit", fit] if fit else []
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    with out.open(newline="") as file:
        risks = np.array([float(row["risk"]) for row in csv.DictReader(file)])
    return risks, json.loads(done.stdout)


def _write(path: Path, labels: Labels, rows: np.ndarray) -> None:
    with gzip.open(path, "wt", newline="") as file:
        out = csv.writer(file)
        out.writerow(("account_id", "obs_ts", "horizon_days", "churned"))
        for i in rows.tolist():
            days = labels.horizon_us[i] / 86_400_000_000
            out.writerow((labels.accounts[i], labels.obs[i], f"{days:g}", f"{labels.churned[i]:g}"))


def _tell(name: str, k: str, seed: str, rows: str, draw: Draw, *, order_alone: bool) -> None:
    shown = [f"{f.value:+.4f} ± {f.error:.4f}" for f in (draw.auc_gain, draw.log_loss, draw.brier)]
    worse = "clearly worse" if draw.clearly_worse(order_alone=order_alone) else ""
    print(COLUMNS.format(name, k, seed, rows, draw.model, *shown, worse), flush=True)


if __name__ == "__main__":
    sys.exit(main())
