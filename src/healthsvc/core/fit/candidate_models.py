"""Candidate models, the simplest first, each fitted as a model of the same form: terms that add up.

All start from the prior's own log-odds, scaled; the later ones add deviations that a ridge holds
near nothing, so that with few outcomes they stay close to the prior and with many go where these
point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.fit import basis, logistic
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.model import Model, ModelName, Term, term_log_odds

RIDGE_LINEAR: Final = 300.0
RIDGE_HATS: Final = 100.0
"""Strength of the ridge on a line (per standard deviation) and on a hat: the same for any log, see
docs/score.md."""

LEAST_EFFECT: Final = 0.05
"""A term that moves no customer by more log-odds isn't kept, nor are its levels."""

PAIRED: Final = 4
"""The strongest terms so many are tried in pairs: six products."""

CANDIDATES: Final[tuple[ModelName, ...]] = (
    "base_rate",
    "scaled_prior",
    "prior_with_deviations",
    "additive",
    "additive_with_pairs",
)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a fit is given: features (n, f) in the order of `names`, and y (n,)."""

    names: tuple[Feature, ...]
    x: Floats
    y: Floats

    def part(self, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> "Outcomes":
        return Outcomes(self.names, self.x[rows], self.y[rows])


def fit(candidate: ModelName, data: Outcomes, prior: Model, *, plain: Model | None = None) -> Model:
    """The candidate's model on these outcomes; plain: the additive one, for its pairs, where it is
    known already."""
    if candidate == "base_rate":
        return Model(
            "base_rate",
            "churn_probability",
            prior.horizon_us,
            _odds_of(float(data.y.mean()), len(data.y)),
            (),
        )
    if candidate == "additive_with_pairs":
        return _with_pairs(data, prior, plain or fit("additive", data, prior))
    knots = {i: basis.knots_of(data.x[:, i]) for i in range(len(data.names))}
    anchor = _anchor(data.names, prior, knots)
    drawn_on = {i: k for i, k in knots.items() if len(k) > 1 and candidate != "scaled_prior"}
    hats = candidate == "additive"
    columns = np.empty((len(data.y), 2 + sum(len(k) if hats else 1 for k in drawn_on.values())))
    columns[:, 0], columns[:, 1] = 1.0, sum_of(anchor, data)
    drawings: list[tuple[int, Floats, Floats]] = []  # feature, centre, spread of its columns
    at = 2
    for i, k in drawn_on.items():
        basis_columns = (
            basis.hats(data.x[:, i], k) if hats else basis.hats(data.x[:, i], k[[0, -1]])[:, 1:]
        )
        centre = basis_columns.mean(axis=0)
        spread = (
            np.ones(basis_columns.shape[1]) if hats else np.maximum(basis_columns.std(axis=0), 1e-3)
        )
        columns[:, at : at + len(centre)] = (basis_columns - centre) / spread
        drawings.append((i, centre, spread))
        at += len(centre)
    penalty = np.full(at, RIDGE_HATS if hats else RIDGE_LINEAR)
    penalty[:2] = 0.0, 1.0
    weights = logistic.fit(columns, data.y, penalty)
    return _model(candidate, data, prior, knots, anchor, drawings, weights)


def _with_pairs(data: Outcomes, prior: Model, plain: Model) -> Model:
    """The additive model with the products of its strongest features among its own."""
    weight = {
        t.feature: float(term_log_odds(t, _values(data, t.feature)).std()) for t in plain.terms
    }
    strongest = sorted(weight, key=lambda feature: (-weight[feature], feature.name))[:PAIRED]
    pairs = tuple(Feature("product", of=pair) for pair in combinations(strongest, 2))
    columns = [_values(data, pair) for pair in pairs]
    wider = Outcomes((*data.names, *pairs), np.column_stack([data.x, *columns]), data.y)
    return replace(fit("additive", wider, prior), name="additive_with_pairs")


def _values(data: Outcomes, feature: Feature) -> Floats:
    """(n,) a feature of the rows; a product is made of its two."""
    if feature.kind == "product":
        one, other = (_values(data, part) for part in feature.of)
        product: Floats = one * other
        return product
    column: Floats = data.x[:, data.names.index(feature)]
    return column


def sum_of(terms: Sequence[Term], data: Outcomes) -> Floats:
    """(n,) log-odds of terms on the features as given."""
    total = np.zeros(len(data.y))
    for term in terms:
        total = total + term_log_odds(term, _values(data, term.feature))
    return total


def odds(model: Model, data: Outcomes) -> Floats:
    """(n,) log-odds of a model on the features as given."""
    total = np.full(len(data.y), model.intercept)
    for term in model.terms:
        total = total + (term_log_odds(term, _values(data, term.feature)) - term.reference)
    return total


def _anchor(names: Sequence[Feature], prior: Model, knots: dict[int, Floats]) -> tuple[Term, ...]:
    """The prior's terms, held constant beyond the outer knots of what was seen."""
    place = {f: i for i, f in enumerate(names)}
    terms = []
    for term in prior.terms:
        at = knots[place[term.feature]]
        terms.append(
            Term(term.feature, tuple(at.tolist()), tuple(term_log_odds(term, at).tolist()))
        )
    return tuple(terms)


def _model(
    candidate: ModelName,
    data: Outcomes,
    prior: Model,
    knots: dict[int, Floats],
    anchor: Sequence[Term],
    drawings: Sequence[tuple[int, Floats, Floats]],
    weights: Floats,
) -> Model:
    """Weights as terms on knots, relative to the reference customer: the middle one of each
    feature."""
    gives = {i: np.zeros(len(k)) for i, k in knots.items()}
    place = {f: i for i, f in enumerate(data.names)}
    used = set()
    for term in anchor:
        gives[place[term.feature]] += weights[1] * np.array(term.gives)
        used.add(place[term.feature])
    at, intercept = 2, float(weights[0])
    for i, centre, spread in drawings:
        w = weights[at : at + len(centre)] / spread
        at += len(centre)
        gives[i] += (
            w
            if candidate == "additive"
            else w[0] * (knots[i] - knots[i][0]) / (knots[i][-1] - knots[i][0])
        )
        intercept -= float((w * centre).sum())
        used.add(i)
    terms = []
    for i in sorted(used):
        plain = Term(data.names[i], tuple(knots[i].tolist()), tuple(gives[i].tolist()))
        middle = float(term_log_odds(plain, np.array([np.median(data.x[:, i])]))[0])
        intercept += middle
        if float(np.ptp(gives[i])) > LEAST_EFFECT:
            terms.append(Term(plain.feature, plain.at, plain.gives, middle))
    return Model(candidate, "churn_probability", prior.horizon_us, intercept, tuple(terms))


def _odds_of(rate: float, n: int) -> float:
    share = min(max(rate, 0.5 / n), 1 - 0.5 / n)
    return float(np.log(share / (1 - share)))
