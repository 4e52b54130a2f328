"""Pair terms: products of two features, kept only where they earn more than a standard error."""

import math

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.fit import candidate_models, feature_set
from healthsvc.core.fit.candidate_models import Outcomes
from healthsvc.core.fit.model_selection import OutcomeRows, select_model
from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import LANDMARK_US
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.model import Model, Term
from healthsvc.core.risk.section import MOST_TERMS

HORIZON_US = 28 * DAY_US
ONE, OTHER, THIRD = Feature("recency"), Feature("log_count", "any", 28 * DAY_US), Feature("tenure")
PRIOR = Model("prior", "ranking", HORIZON_US, 0.0, (Term(ONE, (0.0, 3.0), (0.0, 0.1)),))


def rows(*, together: float, customers: int = 1500, dates: int = 8, seed: int = 5) -> OutcomeRows:
    """Customers whose log-odds come from two features alone, and from both together by so much."""
    rng = np.random.default_rng(seed)
    n = customers * dates
    x = rng.uniform(0, 3, (n, 3))
    odds = (
        -1.5
        + 0.5 * (x[:, 0] - 1.5)
        - 0.5 * (x[:, 1] - 1.5)
        + together * (x[:, 0] - 1.5) * (x[:, 1] - 1.5)
    )
    y: Floats = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    obs = LANDMARK_US + np.repeat(np.arange(dates) * HORIZON_US, customers)
    names = [f"c{i:05d}" for i in range(customers)]
    return OutcomeRows(
        (ONE, OTHER, THIRD), x, y, obs.astype(np.int64), np.tile(np.arange(customers), dates), names
    )


def test_a_pair_that_tells_more_than_its_parts_is_kept() -> None:
    found = select_model(rows(together=0.8), PRIOR)

    assert found.model is not None
    assert found.model.name == "additive_with_pairs"
    assert any(set(t.feature.of) == {ONE, OTHER} for t in found.model.terms)


def test_where_nothing_is_in_the_pairs_the_simpler_model_stays() -> None:
    found = select_model(rows(together=0.0), PRIOR)

    assert found.model is not None
    assert found.model.name != "additive_with_pairs"


def test_the_same_rows_give_the_same_pairs() -> None:
    some = rows(together=0.8, customers=200)
    data = Outcomes(some.names, some.x, some.y)

    assert candidate_models.fit("additive_with_pairs", data, PRIOR) == candidate_models.fit(
        "additive_with_pairs", data, PRIOR
    )


def test_whatever_a_fit_keeps_a_scorecard_can_hold() -> None:
    features = len(feature_set.of_kinds(HORIZON_US)) + feature_set.MOST_TYPES * len(
        feature_set.of_type(HORIZON_US, "t")
    )

    assert features + math.comb(candidate_models.PAIRED, 2) <= MOST_TERMS
