"""Judge kind `habit`: today's rate against the customer's own habit."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.scoring import baseline, rhythm
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, enough_events
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitJudge(MeasureJudge):
    kind: ClassVar[str] = "habit"
    meaning: ClassVar[str] = "today's rate against the customer's own"
    by_habit: ClassVar[bool] = True

    at: float
    """The share of the habit that is full marks."""
    min_events: float

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at(), min_events=reader.min_events())

    def judge(self, view: View, measure: int) -> Marks:
        evidence = enough_events(view, measure, self.min_events)
        marks = np.minimum(1.0, baseline.ratio(view, measure) / self.at)
        is_rare = rhythm.is_rare(view)
        if is_rare.any():
            marks = np.where(is_rare, _by_quiet(view, measure), marks)
        return Marks(evidence, marks)


def _by_quiet(view: View, measure: int) -> Floats:
    """Full marks until the customer's own silence begins, half after as long again."""
    assert view.program.rhythm is not None  # else nobody is rare
    silence = rhythm.silence_us(view, view.program.rhythm.least_us)
    quiet = view.now_us - view.newest(measure)
    marks: Floats = np.exp2(-(np.maximum(quiet - silence, 0.0) / silence))
    return marks
