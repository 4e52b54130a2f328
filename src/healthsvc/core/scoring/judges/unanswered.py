"""Judge kind `unanswered`: surveys sent that nobody answered weigh while they are fresh."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, saturated
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredJudge(MeasureJudge):
    """The level of surveys sent, times the share of the people asked who haven't answered: who
    answers everything has no trouble."""

    kind: ClassVar[str] = "unanswered"
    meaning: ClassVar[str] = "surveys sent that weren't answered, while they are fresh"
    expected: ClassVar[bool] = False

    at: float
    """The level that counts half."""

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at())

    def judge(self, view: View, measure: int) -> Marks:
        sent = saturated(view.level(measure, 0), self.at)
        evidence = sent * view.fact("surveys_unanswered")
        return Marks(evidence, np.zeros_like(evidence))
