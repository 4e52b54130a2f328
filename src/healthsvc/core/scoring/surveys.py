"""What the people at each customer answered: one distribution, of several people or of one.

The facts hold what several people's answers come to; where only one person's are known, the newest
answer says it all.
"""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.scorecard.surveys import Survey
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of n customers to one survey, arrays (n,); instants are 0 where there is none."""

    mean: Floats
    """Weighted by role and age; NaN where nobody answered."""
    newest_at: Floats
    low: Floats
    """The newest low answer, NaN where there is none."""
    low_at: Floats
    low_share: Floats
    """Of the weight, 0 to 1; 1 where the low answer is that of a champion or decider."""


@dataclass(frozen=True, slots=True)
class HighAnswers:
    """The high ones among them."""

    high_at: Floats
    high_share: Floats


def mean_answer(view: View, survey: Survey) -> Floats:
    """(n,) the mean answer; NaN where nobody answered, or only people who have left."""
    mean = view.fact(f"{survey}_mean")
    known: Floats = np.where(np.isnan(mean), view.fact(survey), mean)
    return np.where(np.isinf(known), np.nan, known)


def answers(view: View, survey: Survey) -> Answers:
    """The answers to a survey that has a line of low answers (NPS, CSAT)."""
    line = view.program.scorecard.surveys.low[survey]
    is_one = np.isnan(view.fact(f"{survey}_mean"))
    answer, answered_at = view.fact(survey), view.fact(f"{survey}_at")
    is_low = np.nan_to_num(answer, nan=np.inf) <= line
    return Answers(
        mean=mean_answer(view, survey),
        newest_at=answered_at,
        low=np.where(is_one, np.where(is_low, answer, np.nan), view.fact(f"{survey}_low")),
        low_at=np.where(is_one, np.where(is_low, answered_at, 0.0), view.fact(f"{survey}_low_at")),
        low_share=np.where(is_one, is_low.astype(float), view.fact(f"{survey}_low_share")),
    )


def promoters(view: View) -> HighAnswers:
    """The high answers to NPS."""
    line = view.program.scorecard.surveys.high["nps"]
    is_one = np.isnan(view.fact("nps_mean"))
    is_high = np.nan_to_num(view.fact("nps"), nan=-np.inf) >= line
    return HighAnswers(
        high_at=np.where(
            is_one, np.where(is_high, view.fact("nps_at"), 0.0), view.fact("nps_high_at")
        ),
        high_share=np.where(is_one, is_high.astype(float), view.fact("nps_high_share")),
    )
