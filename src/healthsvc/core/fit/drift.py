"""Drift: matured outcomes held against what was told for them; an alarm says when to refit."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s
from healthsvc.core.fit import logistic, standard_errors

NOTICED: Final = 0.2
"""Log-odds by which the intercept must be off (about a fifth too many or too few churners)."""
ERRORS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the intercept is off on matured rows: over all of them, and date by date."""

    offset: standard_errors.EstimatedFigure
    by_date: tuple[tuple[int, int, float, float], ...]
    """(date in microseconds, rows, mean told, mean outcome)."""
    alarm: bool


def drift(y: Floats, risk: Floats, obs_us: Instants, customer: Int64s) -> Drift:
    """The log-odds by which `told` (n,) must be moved to agree with outcomes y (n,), its error by
    customer."""
    odds = np.log(risk) - np.log1p(-risk)
    offset = logistic.offset(odds, y)
    p = logistic.chance(odds + offset)
    sums = np.bincount(customer, y - p)
    error = float(np.sqrt((sums * sums).sum()) / max((p * (1 - p)).sum(), 1e-9))
    dates = []
    for date in np.unique(obs_us).tolist():
        mine = obs_us == date
        dates.append((date, int(mine.sum()), float(risk[mine].mean()), float(y[mine].mean())))
    alarm = abs(offset) > NOTICED and abs(offset) > ERRORS * error
    return Drift(standard_errors.EstimatedFigure(offset, error), tuple(dates), alarm)
