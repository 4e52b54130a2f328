"""Figures with their errors, customers taken as the units: the rows of one customer aren't
independent."""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.arrays import Floats, Rows


@dataclass(frozen=True, slots=True)
class EstimatedFigure:
    value: float
    error: float
    """One standard error, by customer."""


def mean(x: Floats, customer: Rows) -> EstimatedFigure:
    """The mean over rows."""
    value = float(x.mean())
    sums = np.bincount(customer, x - value)
    return EstimatedFigure(value, float(np.sqrt((sums * sums).sum()) / len(x)))


def auc(y: Floats, score: Floats, customer: Rows) -> EstimatedFigure:
    """Area under the ROC curve: the share of (churner, other) pairs in the right order, ties half;
    NaN without pairs.

    Error by placements (DeLong, DeLong, Clarke-Pearson 1988), summed by customer (Obuchowski 1997).
    """
    if not 0 < (y > 0.5).sum() < len(y):
        return EstimatedFigure(float("nan"), float("nan"))
    value, influence = _influence(y, score)
    return EstimatedFigure(value, _by_customer(influence, customer))


def auc_gain(y: Floats, new: Floats, old: Floats, customer: Rows) -> EstimatedFigure:
    """AUC of `new` less that of `old`, on the same rows: the error is that of the difference."""
    if not 0 < (y > 0.5).sum() < len(y):
        return EstimatedFigure(float("nan"), float("nan"))
    (a, one), (b, other) = _influence(y, new), _influence(y, old)
    return EstimatedFigure(a - b, _by_customer(one - other, customer))


def _influence(y: Floats, score: Floats) -> tuple[float, Floats]:
    """AUC, and how much each row moves it."""
    positive = y > 0.5
    m, n = int(positive.sum()), int((~positive).sum())
    ranked = midranks(score)
    among = np.empty(len(y))
    among[positive], among[~positive] = midranks(score[positive]), midranks(score[~positive])
    place = np.where(positive, (ranked - among) / n, 1.0 - (ranked - among) / m)
    value = float(place[positive].sum() / m)
    influence: Floats = (place - value) / np.where(positive, m, n)
    return value, influence


def _by_customer(influence: Floats, customer: Rows) -> float:
    sums = np.bincount(customer, influence)
    return float(np.sqrt((sums * sums).sum()))


def midranks(x: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    order = np.argsort(x, kind="stable")
    in_order = x[order]
    starts = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1]))
    ends = np.append(starts[1:], len(x))
    ranks = np.empty(len(x))
    ranks[order] = np.repeat((starts + 1 + ends) / 2.0, ends - starts)
    return ranks
