"""What the people at a customer answered to surveys."""

from dataclasses import dataclass
from datetime import datetime

from healthsvc.core.insights.surveys import SurveyResult, survey_summary
from healthsvc.core.instants import from_us
from healthsvc.core.scorecard.surveys import Survey
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswers:
    """The newest answers of everybody to one survey."""

    survey: Survey
    voices: int
    high: int
    low: int
    low_by_decider: int
    net: float
    mean: float
    newest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveys:
    """All surveys of a customer, and how many of those asked have answered."""

    answers: list[SurveyAnswers]
    asked: int
    answered: int
    response_rate: float | None


def surveys(customer: EvaluatedCustomer) -> Surveys:
    """The surveys, from the customer's state."""
    rules = customer.compiled.scorecard.surveys
    summary = survey_summary(customer.batch.voices[customer.row], rules)
    return Surveys(
        answers=[_answers(result) for result in summary.results],
        asked=summary.asked,
        answered=summary.answered,
        response_rate=summary.response_rate,
    )


def _answers(result: SurveyResult) -> SurveyAnswers:
    return SurveyAnswers(
        survey=result.survey,
        voices=result.voices,
        high=result.high,
        low=result.low,
        low_by_decider=result.low_by_decider,
        net=result.net,
        mean=result.mean,
        newest_at=from_us(result.newest_us),
    )
