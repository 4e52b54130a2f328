"""What the people at a customer answered to surveys, in answers."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Told

SURVEYS_EXAMPLE: Final[JsonDict] = {
    "answers": [
        {
            "survey": "nps",
            "voices": 10,
            "high": 9,
            "low": 1,
            "low_by_decider": 0,
            "net": 80.0,
            "mean": 9.6,
            "newest_at": "2026-11-18T08:00:00Z",
        }
    ],
    "asked": 12,
    "answered": 10,
    "response_rate": 0.8333,
}


class SurveyAnswers(Told):
    """The newest answer of each person who is still there, to one survey."""

    survey: Literal["nps", "csat", "ces"]
    voices: Annotated[
        int, Field(description="People who answered; those without a `contact_id` are one.")
    ]
    high: Annotated[int, Field(description="High answers; of NPS, promoters.")]
    low: Annotated[int, Field(description="Low answers; of NPS, detractors.")]
    low_by_decider: Annotated[
        int, Field(description="Low answers of a champion or of somebody who decides.")
    ]
    net: Annotated[
        float,
        Field(description="Percent of high answers less percent of low ones; of NPS, its score."),
    ]
    mean: Annotated[float, Field(description="Mean of the answers, each counting the same.")]
    newest_at: datetime


class Surveys(Told):
    """What people answered, and how many of those asked did."""

    answers: Annotated[list[SurveyAnswers], Field(description="One for each kind answered.")]
    asked: Annotated[
        int, Field(description="People to whom a survey was sent, once for each kind of survey.")
    ]
    answered: Annotated[int, Field(description="Those of them who have answered since.")]
    response_rate: Annotated[float | None, Field(description="Null: nobody was asked.")]
