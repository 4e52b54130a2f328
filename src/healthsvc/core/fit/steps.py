"""Risk steps: bands for logs that carry none. How the rows lie over them, who changes step, how
often.

A step says how the odds of leaving compare with the average customer's on the first date. They are
no health bands: those are of the score, which needs the service's own events; these are made of the
risk alone.
"""

from typing import Any, Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s
from healthsvc.core.fit.figures import CUSTOMERS_PER_CSM, ObservedRows
from healthsvc.core.instants import DAY_US

STEPS: Final = ("below_average", "up_to_twice", "up_to_four_times", "beyond")
EDGES: Final = (1.0, 2.0, 4.0)
"""Odds of leaving over the average's."""


def average(rows: ObservedRows, risk: Floats) -> float:
    """The mean risk of the first date: what the steps are measured from."""
    return float(risk[rows.obs_us == rows.obs_us.min()].mean())


def step_of(risk: Floats, reference: float) -> Int64s:
    """(n,) place in `STEPS`."""
    inside = np.clip(np.append(risk, reference), 1e-9, 1 - 1e-9)
    odds = inside / (1 - inside)
    step: Int64s = np.searchsorted(np.array(EDGES), odds[:-1] / odds[-1], side="left")
    return step


def over_steps(rows: ObservedRows, risk: Floats, reference: float) -> dict[str, Any]:
    """Shares of the rows, what happened in each, and who moved from one date to the customer's
    next; ready for JSON."""
    step = step_of(risk, reference)
    counts = np.bincount(step, minlength=len(STEPS))
    left = np.bincount(step, rows.y, minlength=len(STEPS))
    moves = _moves(rows, step)
    flips = int(moves.sum() - np.trace(moves))
    weeks = max(1.0, (int(rows.obs_us.max()) - int(rows.obs_us.min())) / (7 * DAY_US))
    csms = max(1.0, len(step) / len(np.unique(rows.obs_us)) / CUSTOMERS_PER_CSM)
    last = STEPS[-1]
    return {
        "mean_of_first_date": reference,
        "shares": {name: float(counts[i] / len(step)) for i, name in enumerate(STEPS)},
        "churned": {
            name: float(left[i] / counts[i]) if counts[i] else None for i, name in enumerate(STEPS)
        },
        "moves": [
            {"from": a, "to": b, "customers": int(moves[i, j])}
            for i, a in enumerate(STEPS)
            for j, b in enumerate(STEPS)
            if i != j and moves[i, j]
        ],
        "flips_per_customer_and_date": flips / int(moves.sum()) if moves.sum() else None,
        f"entering_{last}_per_csm_and_week": float(moves[:-1, -1].sum() / weeks / csms),
    }


def _moves(rows: ObservedRows, step: Int64s) -> Int64s:
    """(steps, steps) how often a customer was in one on a date and in another on its next."""
    order = np.lexsort((rows.obs_us, rows.customer))
    same = np.diff(rows.customer[order]) == 0
    before, after = step[order][:-1][same], step[order][1:][same]
    moves = np.bincount(before * len(STEPS) + after, minlength=len(STEPS) ** 2)
    return moves.reshape(len(STEPS), len(STEPS))
