"""Judge kind `habit`: today's rate against the customer's own habit."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring import baseline
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, enough_events
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitJudge(MeasureJudge):
    kind: ClassVar[str] = "habit"
    meaning: ClassVar[str] = "today's rate against the customer's own"

    at: float
    """The share of the habit that is full marks."""
    min_events: float

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at(), min_events=reader.min_events())

    def judge(self, view: View, measure: int) -> Marks:
        evidence = enough_events(view, measure, self.min_events)
        return Marks(evidence, np.minimum(1.0, baseline.ratio(view, measure) / self.at))
