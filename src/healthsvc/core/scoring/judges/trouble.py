"""Judge kind `trouble`: trouble that weighs while it lasts."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, saturated
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleJudge(MeasureJudge):
    kind: ClassVar[str] = "trouble"
    meaning: ClassVar[str] = "trouble that weighs while it lasts"
    expected: ClassVar[bool] = False

    at: float
    """The level that counts half."""

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at())

    def judge(self, view: View, measure: int) -> Marks:
        evidence = saturated(view.level(measure, 0), self.at)
        return Marks(evidence, np.zeros_like(evidence))
