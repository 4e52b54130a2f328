"""Judge kind `open`: no marks while something is open."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJudge(MeasureJudge):
    kind: ClassVar[str] = "open"
    meaning: ClassVar[str] = "no marks while something is open"
    expected: ClassVar[bool] = False

    fact: str

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(fact=reader.fact())

    def judge(self, view: View, measure: int) -> Marks:
        evidence = (view.fact(self.fact) > 0).astype(np.float64)
        return Marks(evidence, np.zeros_like(evidence))
