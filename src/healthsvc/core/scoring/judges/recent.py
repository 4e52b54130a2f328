"""Judge kind `recent`: full marks while the customer comes, fewer the longer it stays away."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, enough_events
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentJudge(MeasureJudge):
    """What is expected of a new customer, which has no habit yet: that it comes."""

    kind: ClassVar[str] = "recent"
    meaning: ClassVar[str] = "full marks for `days` after the newest event, fading from then on"

    span_us: int
    half_life_us: int
    min_events: float

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(
            span_us=reader.span_us(),
            half_life_us=reader.half_life_us(),
            min_events=reader.min_events(),
        )

    @property
    def fading_us(self) -> int | None:
        return self.half_life_us

    def judge(self, view: View, measure: int) -> Marks:
        evidence = enough_events(view, measure, self.min_events)
        due_us = view.newest(measure) + self.span_us
        return Marks(evidence, view.ageing(np.asarray(due_us), self.half_life_us))
