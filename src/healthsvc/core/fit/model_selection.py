"""Model selection: the simplest within one standard error of the best forward log loss; or none,
without evidence.

With fewer than 50 distinct churners (or others), or where behaviour alone doesn't tell churners
from others on later dates, the prior stays. The base rate is the candidate to be beaten, never the
answer: it ranks nobody, which the prior does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s
from healthsvc.core.fit import candidate_models, logistic, standard_errors
from healthsvc.core.fit.candidate_models import CANDIDATES, Outcomes
from healthsvc.core.fit.folds import BLOCKS, Fold, How, folds
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.model import Model, ModelName

LEAST_CHURNERS: Final = 50
LEAST_AUC: Final = 0.55
ERRORS_ALLOWED: Final[dict[How, float]] = {"forward": 1.0, "by_customer": 2.0}
"""A simpler candidate is right within so many standard errors of the best. Folds by customer don't
test later dates, where simple models hold better, so they must show more."""
LEAKED_AUC: Final = 0.9
"""Voluntary churn isn't foreseen better than this: look for an event that is the outcome itself."""


@dataclass(frozen=True, slots=True)
class OutcomeRows:
    """Outcome rows with their features, in canonical order (date, customer): x (n, f), the others
    (n,)."""

    names: tuple[Feature, ...]
    x: Floats
    y: Floats
    obs_us: Instants
    customer: Int64s
    """A number per customer."""
    customers: Sequence[str]
    """The id of each number."""


@dataclass(frozen=True, slots=True)
class CandidateLoss:
    """A candidate's mean log loss on rows not fitted on, and by how much it is behind the best,
    with its error."""

    candidate: ModelName
    log_loss: float
    behind: standard_errors.EstimatedFigure


@dataclass(frozen=True, slots=True)
class SelectedModel:
    """What the fit came to. `model` is None where the prior stays; then `reason` says why."""

    model: Model | None
    reason: str
    detail: str
    churners: int
    others: int
    folds: How
    fold_count: int
    behaviour_auc: standard_errors.EstimatedFigure | None
    steps: tuple[CandidateLoss, ...]
    shift: float = 0.0
    """Log-odds by which the intercept was moved: what the forward folds missed on average."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Splits:
    """The data of a selection: its folds, and who is in it."""

    folds: Sequence[Fold]
    how: How
    churners: int
    others: int

    @classmethod
    def of(cls, data: OutcomeRows, horizon_us: int) -> "_Splits":
        churners = len(np.unique(data.customer[data.y == 1]))
        others = len(np.unique(data.customer[data.y == 0]))
        if min(churners, others) < LEAST_CHURNERS:
            return cls((), "forward", churners, others)
        bucket = np.array([_bucket(c) for c in data.customers], np.int64)[data.customer]
        parts, how = folds(data.obs_us, horizon_us, data.y, data.customer, bucket)
        return cls(parts, how, churners, others)

    @property
    def lack(self) -> str:
        """What is missing for a selection; empty where nothing is."""
        if min(self.churners, self.others) < LEAST_CHURNERS:
            return (
                f"{self.churners} distinct churners and {self.others} others; "
                f"at least {LEAST_CHURNERS} of each are needed"
            )
        return (
            ""
            if self.folds
            else "no split of the rows leaves enough churners to fit on and others to judge by"
        )

    def prior_stays(
        self,
        detail: str,
        behaviour: standard_errors.EstimatedFigure | None = None,
        losses: tuple[CandidateLoss, ...] = (),
    ) -> SelectedModel:
        """The selection of no candidate, for lack of evidence."""
        return SelectedModel(
            None,
            "no_evidence",
            detail,
            self.churners,
            self.others,
            self.how,
            len(self.folds),
            behaviour,
            losses,
        )


def select_model(data: OutcomeRows, prior: Model) -> SelectedModel:
    """Fit the candidates, choose one, and say why."""
    splits = _Splits.of(data, prior.horizon_us)
    if splits.lack:
        return splits.prior_stays(splits.lack)
    outcomes = Outcomes(data.names, data.x, data.y)
    behaviour = _behaviour_auc(outcomes, data, splits.folds, prior)
    if not behaviour.value - 2 * behaviour.error > LEAST_AUC:
        detail = (
            f"behaviour alone reaches an AUC of {behaviour.value:.3f} ± {behaviour.error:.3f} on"
            f" rows not fitted on; its lower two-sigma end must be above {LEAST_AUC}"
        )
        return splits.prior_stays(detail, behaviour)
    odds_by_fold = [_fold_odds(CANDIDATES, outcomes, fold, prior) for fold in splits.folds]
    odds = {
        candidate: [fold_odds[candidate] for fold_odds in odds_by_fold] for candidate in CANDIDATES
    }
    rows = np.concatenate([fold.judge for fold in splits.folds])
    losses = _losses(odds, data.y[rows], data.customer[rows])
    candidate = simplest(losses, ERRORS_ALLOWED[splits.how])
    if candidate is None:
        detail = (
            "all models foretell outcomes worse than the base rate alone, on rows not fitted on"
        )
        return splits.prior_stays(detail, behaviour, losses)
    shift = _shift(odds[candidate], splits.folds, data.y) if splits.how == "forward" else 0.0
    model = candidate_models.fit(candidate, outcomes, prior)
    return SelectedModel(
        model=replace(model, intercept=model.intercept + shift),
        reason="fitted",
        detail="",
        churners=splits.churners,
        others=splits.others,
        folds=splits.how,
        fold_count=len(splits.folds),
        behaviour_auc=behaviour,
        steps=losses,
        shift=shift,
        warnings=_leak_warnings(behaviour),
    )


def _behaviour_auc(
    outcomes: Outcomes, data: OutcomeRows, parts: Sequence[Fold], prior: Model
) -> standard_errors.EstimatedFigure:
    """How well behaviour alone, without the calendar, orders rows that it wasn't fitted on."""
    features = _behaviour(outcomes)
    odds = [_fold_odds(("additive",), features, fold, prior)["additive"] for fold in parts]
    rows = np.concatenate([fold.judge for fold in parts])
    return standard_errors.auc(data.y[rows], np.concatenate(odds), data.customer[rows])


def _leak_warnings(behaviour: standard_errors.EstimatedFigure) -> tuple[str, ...]:
    if behaviour.value <= LEAKED_AUC:
        return ()
    return (
        (
            f"an AUC of {behaviour.value:.3f} is more than behaviour tells: is an event the outcome"
            " itself?"
        ),
    )


def simplest(steps: Sequence[CandidateLoss], errors_allowed: float) -> ModelName | None:
    """The first candidate that ranks and is near the best; None where the base rate is ahead of
    all.

    The base rate itself isn't chosen: where models are as good within the error, they rank besides.
    """
    near = (s.candidate for s in steps if s.behind.value <= errors_allowed * s.behind.error)
    return next((candidate for candidate in near if candidate != "base_rate"), None)


def _behaviour(outcomes: Outcomes) -> Outcomes:
    """The features without what only the calendar tells."""
    keep = [i for i, name in enumerate(outcomes.names) if name.behavioural]
    return Outcomes(tuple(outcomes.names[i] for i in keep), outcomes.x[:, keep], outcomes.y)


def _fold_odds(
    candidates: Sequence[ModelName], outcomes: Outcomes, fold: Fold, prior: Model
) -> dict[ModelName, Floats]:
    """Log-odds of a fold's judged rows, by each candidate's model fitted on the fold's own rows."""
    train, judge = outcomes.part(fold.train), outcomes.part(fold.judge)
    models: dict[ModelName, Model] = {}
    for candidate in candidates:
        models[candidate] = candidate_models.fit(
            candidate, train, prior, plain=models.get("additive")
        )
    return {candidate: candidate_models.odds(model, judge) for candidate, model in models.items()}


def _losses(
    odds: Mapping[ModelName, Sequence[Floats]], y: Floats, customer: Int64s
) -> tuple[CandidateLoss, ...]:
    losses = {
        candidate: logistic.log_loss(np.concatenate(parts), y) for candidate, parts in odds.items()
    }
    best = min(losses.values(), key=lambda loss: float(loss.mean()))
    return tuple(
        CandidateLoss(candidate, float(x.mean()), standard_errors.mean(x - best, customer))
        for candidate, x in losses.items()
    )


def _shift(odds: Sequence[Floats], parts: Sequence[Fold], y: Floats) -> float:
    """What the forward folds say of the intercept: the mean over folds of the shift that each would
    have needed, shrunken by how much the folds disagree. One number from all folds: a slope, or the
    last fold alone, follows chance."""
    needed = np.array(
        [logistic.offset(o, y[fold.judge]) for o, fold in zip(odds, parts, strict=True)]
    )
    mean = float(needed.mean())
    noise = float(needed.var(ddof=1)) / len(needed)
    return mean * (mean * mean / (mean * mean + noise)) if mean else 0.0


def _bucket(customer_id: str) -> int:
    return int.from_bytes(blake2b(customer_id.encode(), digest_size=4).digest(), "big") % BLOCKS
