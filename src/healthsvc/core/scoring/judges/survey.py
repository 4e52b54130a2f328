"""Judge kind `survey`: the last answer, which loses weight as it ages."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.reading import dated
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyJudge(MeasureJudge):
    kind: ClassVar[str] = "survey"
    meaning: ClassVar[str] = "the last answer"

    fact: str
    worst: float
    """The answer that is no marks."""
    best: float
    """The answer that is full marks."""
    half_life_us: int

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        half_life_us, fact, (worst, best) = (
            reader.half_life_us(),
            reader.fact(allowed=dated),
            reader.marks(),
        )
        return cls(fact=fact, worst=worst, best=best, half_life_us=half_life_us)

    @property
    def fading_us(self) -> int | None:
        return self.half_life_us

    def judge(self, view: View, measure: int) -> Marks:
        answer = view.fact(self.fact)
        known = ~np.isnan(answer)
        marks = (np.where(known, answer, self.worst) - self.worst) / (self.best - self.worst)
        weight = view.ageing(view.fact(f"{self.fact}_at"), self.half_life_us)
        return Marks(np.where(known, weight, 0.0), np.clip(marks, 0.0, 1.0))
