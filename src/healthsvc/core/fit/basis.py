"""Clamped piecewise-linear terms as columns: hats over a few quantile knots, straight lines between
the outer two."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats

QUANTILES: Final = (0.02, 0.2, 0.4, 0.6, 0.8, 0.98)
_CLOSE: Final = 1e-6


def knots_of(x: Floats, quantiles: Sequence[float] = QUANTILES) -> Floats:
    """(k,) rising knots of a feature, k about six; fewer where it takes few values, one where it
    never varies.

    Where a single value (nobody did it) takes most of the quantiles, the rest are placed among the
    others.
    """
    knots = _distinct(np.quantile(x, quantiles, method="linear"))
    if len(knots) < len(quantiles) - 1:
        each, rows = np.unique(x, return_counts=True)
        most = each[np.argmax(rows)]
        rest = x[np.abs(x - most) > _CLOSE]
        if len(rest):
            knots = _distinct(np.append(most, np.quantile(rest, (0.05, 0.35, 0.65, 0.95))))
    return knots


def _distinct(sorted_or_not: Floats) -> Floats:
    rising = np.sort(sorted_or_not)
    span = max(float(rising[-1] - rising[0]), _CLOSE)
    keep = np.append(True, np.diff(rising) > max(_CLOSE, 1e-3 * span))
    distinct: Floats = rising[keep]
    return distinct


def hats(x: Floats, knots: Floats) -> Floats:
    """(n, k) weights of the knots: each row's are between 0 and 1 and add up to 1, at most two of
    them aren't 0."""
    n, k = len(x), len(knots)
    weights = np.zeros((n, k))
    if k == 1:
        weights[:, 0] = 1.0
        return weights
    inside = np.clip(x, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, k - 2)
    share = (inside - knots[left]) / (knots[left + 1] - knots[left])
    rows = np.arange(n)
    weights[rows, left] = 1.0 - share
    weights[rows, left + 1] += share
    return weights
