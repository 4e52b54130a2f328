"""Which candidate of the ladder is chosen."""

import pytest

from healthsvc.core.fit.candidate_models import CANDIDATES
from healthsvc.core.fit.model_selection import CandidateLoss, simplest
from healthsvc.core.fit.standard_errors import EstimatedFigure
from healthsvc.core.risk.model import ModelName


@pytest.mark.parametrize(
    ("behind", "errors_allowed", "chosen"),
    [
        ((5.0, 3.0, 1.5, 0.9, 0.0), 1.0, "additive"),
        ((5.0, 3.0, 1.5, 0.9, 0.0), 2.0, "prior_with_deviations"),
        ((5.0, 3.0, 1.5, 1.2, 0.0), 1.0, "additive_with_pairs"),
        ((0.5, 0.4, 0.0, 0.9, 1.2), 1.0, "scaled_prior"),
        ((0.5, 1.4, 0.0, 0.9, 1.2), 1.0, "prior_with_deviations"),
        ((0.0, 0.7, 1.4, 1.8, 2.2), 1.0, "scaled_prior"),
        ((0.0, 1.4, 1.4, 1.8, 2.2), 1.0, None),
    ],
)
def test_the_simplest_rung_near_the_best_that_ranks_is_chosen(
    behind: tuple[float, ...], errors_allowed: float, chosen: ModelName | None
) -> None:
    steps = [
        CandidateLoss(candidate, 0.5, EstimatedFigure(errors, 1.0))
        for candidate, errors in zip(CANDIDATES, behind, strict=True)
    ]

    assert simplest(steps, errors_allowed) == chosen
