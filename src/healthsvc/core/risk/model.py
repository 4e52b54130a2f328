"""A risk model: terms that are piecewise linear on one feature each, held constant beyond their
outer knots, added up.

log-odds = the reference customer's + the contributions, which are what each term gives over what it
gives the reference customer. Summed in declared order, so that the contributions add up to the risk
to the digit, and one customer gives the same bits alone or among many. Nothing extrapolates: beyond
the first and the last knot a term is constant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.features import Feature, values
from healthsvc.core.risk.levels import Level, Snapshot

RiskKind = Literal["ranking", "probability_of_silence", "churn_probability"]
KINDS: Final[tuple[RiskKind, ...]] = ("ranking", "probability_of_silence", "churn_probability")
ModelName = Literal[
    "prior", "base_rate", "scaled_prior", "prior_with_deviations", "additive", "additive_with_pairs"
]
MODELS: Final[tuple[ModelName, ...]] = (
    "prior",
    "base_rate",
    "scaled_prior",
    "prior_with_deviations",
    "additive",
    "additive_with_pairs",
)

TROUBLE_WEIGHT: Final = 2.0
"""Log-odds that the prior gives to a trouble share of one whole: about what losing six acts of
seven costs."""
LEAST_US: Final = 60_000_000
"""The prior's shortest half-life: a minute."""
MOST_ACTS: Final = 12.0
"""log1p of the acts beyond which the prior sees no difference (about 160,000)."""


@dataclass(frozen=True, slots=True)
class Term:
    """What a feature adds to the log-odds: `at` (k,) rising knots, `gives` (k,) log-odds at
    them."""

    feature: Feature
    at: tuple[float, ...]
    gives: tuple[float, ...]
    reference: float = 0.0
    """What the reference customer gets of it."""


@dataclass(frozen=True, slots=True)
class Model:
    """`name` says how it came to be, `kind` what its number is; `intercept` is the reference
    customer's log-odds."""

    name: ModelName
    kind: RiskKind
    horizon_us: int
    intercept: float
    terms: tuple[Term, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels that must be kept for it, each once."""
        return tuple(dict.fromkeys(level for term in self.terms for level in term.feature.levels))


def term_log_odds(term: Term, x: Floats) -> Floats:
    """(n,) log-odds of the term at feature values x (n,)."""
    at, gives = np.array(term.at), np.array(term.gives)
    if len(at) == 1:
        return np.full(len(x), gives[0])
    inside = np.minimum(np.maximum(x, at[0]), at[-1])
    left = np.clip(np.searchsorted(at, inside, side="right") - 1, 0, len(at) - 2)
    share = (inside - at[left]) / (at[left + 1] - at[left])
    between: Floats = gives[left] + share * (gives[left + 1] - gives[left])
    return between


def contributions(model: Model, snapshot: Snapshot) -> Floats:
    """(n, terms) log-odds that each term adds over the reference customer's."""
    features: dict[Feature, Floats] = {}
    parts = np.zeros((len(snapshot.now_us), len(model.terms)))
    for k, term in enumerate(model.terms):
        if term.feature not in features:
            features[term.feature] = values(term.feature, snapshot)
        parts[:, k] = term_log_odds(term, features[term.feature]) - term.reference
    return parts


def log_odds(model: Model, parts: Floats) -> Floats:
    """(n,) log-odds from the contributions (n, terms)."""
    total = np.full(len(parts), model.intercept)
    for k in range(parts.shape[1]):
        total = total + parts[:, k]
    return total


def as_risk(odds: Floats) -> Floats:
    """(n,) 0..1 from log-odds."""
    risk: Floats = 1.0 / (1.0 + np.exp(-np.clip(odds, -500.0, 500.0)))
    return risk


def risk(model: Model, snapshot: Snapshot) -> Floats:
    """(n,) risk of each customer, 0..1; what the number means is `model.kind`."""
    return as_risk(log_odds(model, contributions(model, snapshot)))


def prior(horizon_us: int, *, half_lives_us: Sequence[int] | None = None) -> Model:
    """The model before any outcome is known: acts at one and two horizons lower the risk, a share
    of trouble raises it.

    A ranking. The reference customer did nothing and had no trouble; the means over the half-lives
    are half of each term. Counts, not values; the log of the sum over the kinds of acts. Measured
    on logs with outcomes: docs/score.md.
    """
    half_lives = tuple(half_lives_us or (max(horizon_us, LEAST_US), 2 * max(horizon_us, LEAST_US)))
    share = 1.0 / len(half_lives)
    knots = (0.0, MOST_ACTS)
    acts = tuple(
        Term(Feature("log_count", "act", h), knots, (0.0, -share * MOST_ACTS)) for h in half_lives
    )
    trouble = tuple(
        Term(Feature("trouble_share", "trouble", h), (0.0, 1.0), (0.0, share * TROUBLE_WEIGHT))
        for h in half_lives
    )
    return Model("prior", "ranking", horizon_us, 1.0, (*acts, *trouble))


def days(us: int) -> float:
    """A span in days."""
    return us / DAY_US
