"""Judge kind `credit`: credit that weighs while it lasts."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, saturated
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditJudge(MeasureJudge):
    kind: ClassVar[str] = "credit"
    meaning: ClassVar[str] = "credit that weighs while it lasts"
    expected: ClassVar[bool] = False

    at: float
    """The level that counts half."""

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at())

    def judge(self, view: View, measure: int) -> Marks:
        evidence = saturated(view.level(measure, len(view.program.half_lives_us) - 1), self.at)
        return Marks(evidence, np.ones_like(evidence))
