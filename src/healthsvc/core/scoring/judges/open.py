"""Judge kind `open`: no marks while something is open, beyond a time of grace."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.grace import overdue
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJudge(MeasureJudge):
    kind: ClassVar[str] = "open"
    meaning: ClassVar[str] = "no marks while something is open"
    expected: ClassVar[bool] = False

    fact: str
    grace_us: int
    usual_times: float

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(fact=reader.fact(), grace_us=reader.grace_us(), usual_times=reader.usual_times())

    def judge(self, view: View, measure: int) -> Marks:
        if not self.grace_us:
            evidence = (view.fact(self.fact) > 0).astype(np.float64)
            return Marks(evidence, np.zeros_like(evidence))
        late = overdue(view, self.fact, self.grace_us, self.usual_times)
        evidence = late.holds.astype(np.float64)
        return Marks(evidence, np.zeros_like(evidence), late.change_us)
