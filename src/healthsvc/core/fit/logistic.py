"""Penalised logistic regression by Newton's steps (iteratively reweighted least squares), halved where they overshoot.

Minimises sum(log loss) + 1/2 sum(penalty * weight^2); see Hastie, Tibshirani, Friedman: "The Elements of Statistical
Learning", 4.4.1, with a ridge.
"""

from typing import Final

import numpy as np

from healthsvc.core.levels import Floats

_STEPS: Final = 50
_SETTLED: Final = 1e-7


def fit(x: Floats, y: Floats, penalty: Floats) -> Floats:
    """(p,) weights for columns x (n, p), outcomes y (n,) 0 or 1, and a penalty (p,) per column; 0 leaves it free.

    A column of ones is the intercept: the caller's to give.
    """
    weights = np.zeros(x.shape[1])
    guard = penalty + 1e-6
    loss = _loss(x @ weights, y, weights, guard)
    for _ in range(_STEPS):
        p = chance(x @ weights)
        slope = x.T @ (p - y) + guard * weights
        scaled = x * np.maximum(p * (1 - p), 1e-9)[:, None]
        step = np.linalg.solve(x.T @ scaled + np.diag(guard), slope)
        size = 1.0
        while size > 1e-4:
            tried = weights - size * step
            now = _loss(x @ tried, y, tried, guard)
            if now <= loss:
                break
            size /= 2
        else:
            break
        gained, loss, weights = loss - now, now, tried
        if gained < _SETTLED * (abs(loss) + 1):
            break
    return weights


def offset(odds: Floats, y: Floats) -> float:
    """The number that, added to all log-odds, makes their mean probability the mean outcome (held within ±3)."""
    found = 0.0
    for _ in range(_STEPS):
        p = chance(odds + found)
        step = float((p - y).sum() / np.maximum((p * (1 - p)).sum(), 1e-9))
        found = min(max(found - min(max(step, -1.0), 1.0), -3.0), 3.0)
        if abs(step) < 1e-9:
            break
    return found


def chance(odds: Floats) -> Floats:
    """Probability of log-odds."""
    p: Floats = 1.0 / (1.0 + np.exp(-np.clip(odds, -500, 500)))
    return p


def log_loss(odds: Floats, y: Floats) -> Floats:
    """(n,) loss of each row, in nats."""
    loss: Floats = np.logaddexp(0.0, odds) - y * odds
    return loss


def _loss(odds: Floats, y: Floats, weights: Floats, penalty: Floats) -> float:
    return float(log_loss(odds, y).sum() + 0.5 * (penalty * weights * weights).sum())
