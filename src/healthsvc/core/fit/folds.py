"""Folds that ask what will be asked later: fitted on what was known by then, judged on what came
after.

A fold's training rows are those whose horizon had ended when its first judged row was observed
(purged). Where the observation dates are too few for that, customers are held out instead of dates,
and it is said.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Rows

BLOCKS: Final = 5
LEAST_CHURNERS: Final = 20
"""A fold must have so many churners, and others, to train on."""

How = Literal["forward", "by_customer"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Row numbers to fit on and to judge on."""

    train: Rows
    judge: Rows


def folds(
    obs_us: Instants, horizon_us: int, y: Floats, customer: Rows, bucket: Rows
) -> tuple[list[Fold], How]:
    """Forward folds, or folds by customer where fewer than two forward ones have enough to train
    on.

    customer: (n,) a number per customer; bucket: (n,) one of `BLOCKS`, the same for all rows of a
    customer.
    """
    forward = [f for f in _forward(obs_us, horizon_us) if _enough(y, customer, f)]
    if len(forward) >= 2:
        return forward, "forward"
    parts = [Fold(np.flatnonzero(bucket != b), np.flatnonzero(bucket == b)) for b in range(BLOCKS)]
    return [f for f in parts if _enough(y, customer, f)], "by_customer"


def _forward(obs_us: Instants, horizon_us: int) -> list[Fold]:
    dates, counts = np.unique(obs_us, return_counts=True)
    block = np.minimum((np.cumsum(counts) - counts) * BLOCKS // len(obs_us), BLOCKS - 1)
    forward = []
    for b in np.unique(block)[1:].tolist():
        mine = dates[block == b]
        train = np.flatnonzero(obs_us + horizon_us <= mine[0])
        judge = np.flatnonzero((obs_us >= mine[0]) & (obs_us <= mine[-1]))
        forward.append(Fold(train, judge))
    return forward


def _enough(y: Floats, customer: Rows, fold: Fold) -> bool:
    if not len(fold.train) or not len(fold.judge):
        return False
    mine, whose = y[fold.train], customer[fold.train]
    return min(len(np.unique(whose[mine == 1])), len(np.unique(whose[mine == 0]))) >= LEAST_CHURNERS
