"""Numbers for the prior without outcomes, under honest names: a probability of silence, or a stated
base rate.

Silence over the horizon is in the log itself: its own matured past gives the slope and the level.
It is not churn: where customers leave by an act, most silent ones haven't left. A base rate that
the operator states gives the level alone.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.fit import logistic
from healthsvc.core.risk.model import Model, RiskKind

LEAST_ROWS: Final = 200
"""Matured rows, silent and not, that a slope needs of each."""


def probability_of_silence(prior: Model, odds: Floats, silent: Floats) -> Model | None:
    """The prior scaled to the log's own silences: odds (n,) of the prior, silent (n,) 0 or 1; None
    with too few."""
    if min(float(silent.sum()), float((1 - silent).sum())) < LEAST_ROWS:
        return None
    level, slope = logistic.fit(
        np.column_stack([np.ones(len(odds)), odds]), silent, np.array([0.0, 1.0])
    ).tolist()
    return scaled(prior, level, max(slope, 0.0), "probability_of_silence")


def stated_base_rate(prior: Model, odds: Floats, base_rate: float) -> Model:
    """The prior moved so that the mean risk of customers, odds (n,), is the base rate that the
    operator states."""
    low, high = -50.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if logistic.chance(odds + middle).mean() < base_rate else (low, middle)
        )
    return scaled(prior, (low + high) / 2, 1.0, "churn_probability")


def scaled(prior: Model, level: float, slope: float, kind: RiskKind) -> Model:
    """level + slope x the prior's log-odds, as a model of the same terms."""
    terms = tuple(
        replace(t, gives=tuple(slope * g for g in t.gives), reference=slope * t.reference)
        for t in prior.terms
    )
    return replace(prior, kind=kind, intercept=level + slope * prior.intercept, terms=terms)
