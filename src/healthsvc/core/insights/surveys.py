"""What the people at a customer answered to each survey, counted person by person."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from healthsvc.core.folding.items.kind import Counted, ItemGroups
from healthsvc.core.folding.items.voice import VoiceAnswer, answers, asked_and_unanswered
from healthsvc.core.scorecard.surveys import SURVEYS, Survey, SurveyRules


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyResult:
    """The newest answers of everybody who is still there to one survey."""

    survey: Survey
    voices: int
    high: int
    """Of NPS, the promoters."""
    low: int
    """Of NPS, the detractors."""
    low_by_decider: int
    """Of the low answers, those of a champion or decider."""
    net: float
    """The share of high answers less that of low ones, in percent: of NPS, the net promoter
    score."""
    mean: float
    newest_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySummary:
    """All surveys of a customer."""

    results: tuple[SurveyResult, ...]
    asked: int
    """People to whom a survey was sent, once for each kind."""
    answered: int
    """Those of them who have answered since."""

    @property
    def response_rate(self) -> float | None:
        """None where nobody was asked."""
        return self.answered / self.asked if self.asked else None


def survey_summary(voices: Sequence[Counted], rules: SurveyRules) -> SurveySummary:
    """The surveys of one customer; voices: its items of that kind."""
    asked, unanswered = _asked(voices)
    given = [(survey, answers(voices, survey)) for survey in SURVEYS]
    return SurveySummary(
        results=tuple(_result(survey, some, rules) for survey, some in given if some),
        asked=asked,
        answered=asked - unanswered,
    )


def _asked(voices: Sequence[Counted]) -> tuple[int, int]:
    """To how many people surveys went, and how many haven't answered."""
    if not voices:
        return 0, 0
    asked, unanswered = asked_and_unanswered(ItemGroups.of_one(voices))
    return int(asked[0]), int(unanswered[0])


def _result(survey: Survey, given: Sequence[VoiceAnswer], rules: SurveyRules) -> SurveyResult:
    low = [answer for answer in given if answer.score <= rules.low[survey]]
    high = [answer for answer in given if answer.score >= rules.high[survey]]
    return SurveyResult(
        survey=survey,
        voices=len(given),
        high=len(high),
        low=len(low),
        low_by_decider=sum(answer.decides for answer in low),
        net=100.0 * (len(high) - len(low)) / len(given),
        mean=fsum(answer.score for answer in given) / len(given),
        newest_us=int(max(answer.us for answer in given)),
    )
