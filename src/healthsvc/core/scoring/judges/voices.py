"""Judge kind `voices`: the newest answer of each person, which lose weight as they age."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scorecard.surveys import Survey
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.surveys import mean_answer
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicesJudge(MeasureJudge):
    """The last answer isn't the account's: several people's are a distribution."""

    kind: ClassVar[str] = "voices"
    meaning: ClassVar[str] = "the mean of each person's newest answer to a survey"

    survey: Survey
    worst: float
    """The answer that is no marks."""
    best: float
    """The answer that is full marks."""
    half_life_us: int

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        half_life_us, survey = reader.half_life_us(), reader.survey()
        worst, best = reader.marks()
        return cls(survey=survey, worst=worst, best=best, half_life_us=half_life_us)

    @property
    def fading_us(self) -> int | None:
        return self.half_life_us

    def judge(self, view: View, measure: int) -> Marks:
        answer = mean_answer(view, self.survey)
        known = ~np.isnan(answer)
        marks = (np.where(known, answer, self.worst) - self.worst) / (self.best - self.worst)
        weight = view.ageing(view.fact(f"{self.survey}_at"), self.half_life_us)
        return Marks(np.where(known, weight, 0.0), np.clip(marks, 0.0, 1.0))
