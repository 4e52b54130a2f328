"""Penalised logistic regression by Newton's steps (iteratively reweighted least squares), halved
where they overshoot.

Minimises sum(log loss) + 1/2 sum(penalty * weight^2); see Hastie, Tibshirani, Friedman: "The
Elements of Statistical Learning", 4.4.1, with a ridge. Slopes and losses are exact; the curvature,
which only says how far to step, is summed in single precision and used again while the steps that
it gives are good.
"""

from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats

_STEPS: Final = 60
_SETTLED: Final = 1e-7
_GOOD: Final = 0.1
"""A step that leaves more than this share of the slope calls for a new curvature."""
_AT_ONCE: Final = 8_192


def fit(x: Floats, y: Floats, penalty: Floats) -> Floats:
    """(p,) weights for columns x (n, p), outcomes y (n,) 0 or 1, and a penalty (p,) per column; 0
    leaves it free.

    A column of ones is the intercept: the caller's to give.
    """
    weights, guard = np.zeros(x.shape[1]), penalty + 1e-6
    odds = np.zeros(len(y))
    loss, slope = _loss(odds, y, weights, guard), _slope(x, odds, y, weights, guard)
    curve: Floats | None = None
    for _ in range(_STEPS):
        fresh = curve is None
        if curve is None:
            curve = _curvature(x, odds) + np.diag(guard)
        direction = np.linalg.solve(curve, slope)
        odds_step = x @ direction
        size = 1.0
        while size > 1e-4:
            candidate = weights - size * direction
            now = _loss(odds - size * odds_step, y, candidate, guard)
            if now <= loss:
                break
            size /= 2
        else:
            if fresh:
                break
            curve = None
            continue
        gained, loss, weights, odds = loss - now, now, candidate, odds - size * odds_step
        before, slope = float(np.abs(slope).max()), _slope(x, odds, y, weights, guard)
        if gained < _SETTLED * (abs(loss) + 1):
            break
        if size < 1.0 or float(np.abs(slope).max()) > _GOOD * before:
            curve = None
    return weights


def _slope(x: Floats, odds: Floats, y: Floats, weights: Floats, guard: Floats) -> Floats:
    slope: Floats = x.T @ (chance(odds) - y) + guard * weights
    return slope


def _curvature(x: Floats, odds: Floats) -> Floats:
    """(p, p) of the log loss; row by row weighted by the root, so that the product is symmetric and
    half the work."""
    p = chance(odds)
    root = np.sqrt(np.maximum(p * (1 - p), 1e-9))
    total = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        part = (x[rows] * root[rows, None]).astype(np.float32)
        total += part.T @ part
    return total


def offset(odds: Floats, y: Floats) -> float:
    """The number that, added to all log-odds, makes their mean probability the mean outcome (held
    within ±3)."""
    shift = 0.0
    for _ in range(_STEPS):
        p = chance(odds + shift)
        step = float((p - y).sum() / np.maximum((p * (1 - p)).sum(), 1e-9))
        shift = min(max(shift - min(max(step, -1.0), 1.0), -3.0), 3.0)
        if abs(step) < 1e-9:
            break
    return shift


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
