"""Frozen distributions: what customers' levels were when a version was published, by segment, so
that a customer can be placed among its own, and the same version always places alike.

A distribution is kept as its quantiles, `QUANTILES` of them, evenly spaced from the lowest value to
the highest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats
from healthsvc.core.scorecard.cohort import code

QUANTILES: Final = 21
LEAST_CUSTOMERS: Final = 20
"""Fewer customers of a segment have no distribution of their own."""
EVERYBODY: Final = "*"
"""Stands for all customers: the distribution of segments that have none of their own."""
APART: Final = 1.05
"""Knots are at least so far apart, as a ratio: nearly equal levels rank nearly alike, and no rank
is a cliff."""


@dataclass(frozen=True, slots=True)
class Distributions:
    """The distributions of one measure by segment, as curves from a level to the share of customers
    at or below it."""

    quantiles: tuple[tuple[str, tuple[float, ...]], ...]
    """By segment, rising; EVERYBODY is one of them."""
    codes: Floats = field(compare=False)
    """(s,) of the segments; the last row below is everybody's."""
    levels: Floats = field(compare=False)
    """(s + 1, k) knots, rising; inf where a curve has fewer."""
    shares: Floats = field(compare=False)
    steepest: float = field(compare=False)
    """The most by which a share falls, in proportion, when its level falls by a little: 1 is in
    step with it."""

    def places(self, level: Floats, segment: Floats) -> Floats:
        """Share of the segment's customers at or below each level, (n,); segment: codes."""
        row = np.full(len(level), len(self.codes))
        for i, known in enumerate(self.codes.tolist()):
            row[segment == known] = i
        knots, shares = self.levels[row], self.shares[row]
        at = (knots <= level[:, None]).sum(axis=1) - 1
        here = np.arange(len(level))
        after = np.minimum(at + 1, knots.shape[1] - 1)
        low, high = knots[here, at], knots[here, after]
        within = np.where(
            np.isfinite(high) & (high > low),
            (level - low) / np.where(high > low, high - low, 1.0),
            0.0,
        )
        below = shares[here, at]
        share: Floats = below + np.where(within > 0, within * (shares[here, after] - below), 0.0)
        return share


def distributions(quantiles: Mapping[str, Sequence[float]]) -> Distributions:
    """The curves through quantiles, by segment; they must rise, and EVERYBODY must be among
    them."""
    segments = [*(s for s in quantiles if s != EVERYBODY), EVERYBODY]
    curves = [_curve(quantiles[segment]) for segment in segments]
    width = max(len(levels) for levels, _ in curves) + 1
    return Distributions(
        quantiles=tuple((s, tuple(float(q) for q in quantiles[s])) for s in segments),
        codes=np.array([code(s) for s in segments[:-1]]),
        levels=np.array([levels + [np.inf] * (width - len(levels)) for levels, _ in curves]),
        shares=np.array([shares + [1.0] * (width - len(shares)) for _, shares in curves]),
        steepest=max(_steepest(levels, shares) for levels, shares in curves),
    )


def _curve(quantiles: Sequence[float]) -> tuple[list[float], list[float]]:
    """Knots from (0, 0) on: at each different level, the share of those at or below it."""
    levels, shares = [0.0], [0.0]
    for i, level in enumerate(quantiles):
        share = (i + 1) / len(quantiles)
        if level <= 0:
            continue
        if len(levels) > 1 and level < levels[-1] * APART:
            shares[-1] = share
        else:
            levels.append(float(level))
            shares.append(share)
    return levels, shares


def _steepest(levels: Sequence[float], shares: Sequence[float]) -> float:
    steepest = 1.0
    for i in range(1, len(levels) - 1):
        slope = (shares[i + 1] - shares[i]) / (levels[i + 1] - levels[i])
        steepest = max(steepest, slope * levels[i] / shares[i])
    return steepest


def quantiles(values: Floats) -> list[float]:
    """QUANTILES of them, the lowest first; rounded, so that a document stays readable."""
    values_at = np.quantile(values, np.linspace(0.0, 1.0, QUANTILES))
    return [float(f"{q:.6g}") for q in values_at.tolist()]


def by_segment(values: Floats, segments: NDArray[np.str_]) -> dict[str, list[float]]:
    """Quantiles of everybody's values, and of each segment that has enough; empty where everybody
    is too few."""
    if len(values) < LEAST_CUSTOMERS:
        return {}
    by_name = {EVERYBODY: quantiles(values)}
    for segment in np.unique(segments).tolist():
        own = values[segments == segment]
        if segment and segment != EVERYBODY and len(own) >= LEAST_CUSTOMERS:
            by_name[segment] = quantiles(own)
    return by_name


def at_percentile(known: Sequence[float], percentile: float) -> float:
    """The value below which so many of a hundred lie."""
    return float(np.interp(percentile / 100.0, np.linspace(0.0, 1.0, len(known)), known))
