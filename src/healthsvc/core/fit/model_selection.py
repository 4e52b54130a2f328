"""Which rung is right: the simplest within one standard error of the best forward log loss; or none, without evidence.

A plain answer beats a brave one: with fewer than 50 distinct churners (or others), or where behaviour alone doesn't
tell churners from others on later dates, the prior stays. The base rate is the rung to be beaten, never the answer: it
ranks nobody, which the prior does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s
from healthsvc.core.fit import candidate_models, logistic, standard_errors
from healthsvc.core.fit.candidate_models import LADDER, Outcomes
from healthsvc.core.fit.folds import BLOCKS, Fold, How, folds
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.model import Model, ModelName

LEAST_CHURNERS: Final = 50
LEAST_AUC: Final = 0.55
ERRORS_ALLOWED: Final[dict[How, float]] = {"forward": 1.0, "by_customer": 2.0}
"""A simpler rung is right within so many standard errors of the best; folds by customer don't test later dates, where
simple models hold better, so that they must show more."""
LEAKED_AUC: Final = 0.9
"""Voluntary churn isn't foreseen better than this: look for an event that is the outcome itself."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Outcome rows with their features, in canonical order (date, customer): x (n, f), the others (n,)."""

    names: tuple[Feature, ...]
    x: Floats
    y: Floats
    obs_us: Instants
    customer: Int64s
    """A number per customer."""
    customers: Sequence[str]
    """The id of each number."""


@dataclass(frozen=True, slots=True)
class Step:
    """A rung's mean log loss on the rows judged, and how much worse it is than the best, with its error by customer."""

    rung: ModelName
    log_loss: float
    behind: standard_errors.Figure


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the fit came to. `model` is None where the prior stays; then `reason` says why."""

    model: Model | None
    reason: str
    detail: str
    churners: int
    others: int
    folds: How
    fold_count: int
    behaviour_auc: standard_errors.Figure | None
    steps: tuple[Step, ...]
    shift: float = 0.0
    """Log-odds by which the intercept was moved: what the forward folds missed on average."""
    warnings: tuple[str, ...] = ()


def climb(data: Rows, prior: Model) -> Verdict:
    """Fit, choose, and say what for."""
    churners = len(np.unique(data.customer[data.y == 1]))
    others = len(np.unique(data.customer[data.y == 0]))
    if min(churners, others) < LEAST_CHURNERS:
        detail = f"{churners} distinct churners and {others} others; at least {LEAST_CHURNERS} of each are needed"
        return Verdict(None, "no_evidence", detail, churners, others, "forward", 0, None, ())
    bucket = np.array([_bucket(c) for c in data.customers], np.int64)[data.customer]
    found, how = folds(data.obs_us, prior.horizon_us, data.y, data.customer, bucket)
    if not found:
        detail = "no split of the rows leaves enough churners to fit on and others to judge by"
        return Verdict(None, "no_evidence", detail, churners, others, how, 0, None, ())
    outcomes = Outcomes(data.names, data.x, data.y)
    judged = np.concatenate([f.judge for f in found])
    behaviour = standard_errors.auc(
        data.y[judged],
        np.concatenate([_judged(("additive",), _behaviour(outcomes), f, prior)["additive"] for f in found]),
        data.customer[judged],
    )
    if not behaviour.value - 2 * behaviour.error > LEAST_AUC:
        detail = (
            f"behaviour alone reaches an AUC of {behaviour.value:.3f} ± {behaviour.error:.3f} on rows not fitted on; "
            f"its lower two-sigma end must be above {LEAST_AUC}"
        )
        return Verdict(None, "no_evidence", detail, churners, others, how, len(found), behaviour, ())
    told = [_judged(LADDER, outcomes, f, prior) for f in found]
    odds = {rung: [of_fold[rung] for of_fold in told] for rung in LADDER}
    steps = _steps(odds, data.y[judged], data.customer[judged])
    chosen = simplest(steps, ERRORS_ALLOWED[how])
    if chosen is None:
        detail = "all models foretell outcomes worse than the base rate alone, on rows not fitted on"
        return Verdict(None, "no_evidence", detail, churners, others, how, len(found), behaviour, steps)
    shift = _shift(odds[chosen], found, data.y) if how == "forward" else 0.0
    fitted = candidate_models.fit(chosen, outcomes, prior)
    model = replace(fitted, intercept=fitted.intercept + shift)
    warnings: tuple[str, ...] = ()
    if behaviour.value > LEAKED_AUC:
        warnings = (f"an AUC of {behaviour.value:.3f} is more than behaviour tells: is an event the outcome itself?",)
    return Verdict(model, "fitted", "", churners, others, how, len(found), behaviour, steps, shift, warnings)


def simplest(steps: Sequence[Step], errors_allowed: float) -> ModelName | None:
    """The first rung that ranks and is within so many errors of the best; None where the base rate is ahead of all.

    The base rate itself isn't chosen: where models are as good within the error, they rank besides.
    """
    near = (s.rung for s in steps if s.behind.value <= errors_allowed * s.behind.error)
    return next((rung for rung in near if rung != "base_rate"), None)


def _behaviour(outcomes: Outcomes) -> Outcomes:
    """The features without what only the calendar tells."""
    keep = [i for i, name in enumerate(outcomes.names) if name.behavioural]
    return Outcomes(tuple(outcomes.names[i] for i in keep), outcomes.x[:, keep], outcomes.y)


def _judged(ladder: Sequence[ModelName], outcomes: Outcomes, fold: Fold, prior: Model) -> dict[ModelName, Floats]:
    """Log-odds of a fold's judged rows, by each rung's model fitted on the fold's own rows."""
    train, judge = outcomes.part(fold.train), outcomes.part(fold.judge)
    models: dict[ModelName, Model] = {}
    for rung in ladder:
        models[rung] = candidate_models.fit(rung, train, prior, plain=models.get("additive"))
    return {rung: candidate_models.odds(model, judge) for rung, model in models.items()}


def _steps(odds: Mapping[ModelName, Sequence[Floats]], y: Floats, customer: Int64s) -> tuple[Step, ...]:
    losses = {rung: logistic.log_loss(np.concatenate(parts), y) for rung, parts in odds.items()}
    best = min(losses.values(), key=lambda loss: float(loss.mean()))
    return tuple(Step(rung, float(x.mean()), standard_errors.mean(x - best, customer)) for rung, x in losses.items())


def _shift(odds: Sequence[Floats], found: Sequence[Fold], y: Floats) -> float:
    """What the forward folds say of the intercept: the mean over folds of the shift that each would have needed,
    shrunken by how much the folds disagree. One number from all folds: a slope, or the last fold alone, follows
    chance."""
    needed = np.array([logistic.offset(o, y[fold.judge]) for o, fold in zip(odds, found, strict=True)])
    mean = float(needed.mean())
    noise = float(needed.var(ddof=1)) / len(needed)
    return mean * (mean * mean / (mean * mean + noise)) if mean else 0.0


def _bucket(customer_id: str) -> int:
    return int.from_bytes(blake2b(customer_id.encode(), digest_size=4).digest(), "big") % BLOCKS
