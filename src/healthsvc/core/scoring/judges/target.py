"""Judge kind `target`: a level that saturates towards a target."""

from dataclasses import dataclass
from typing import ClassVar, Self

from healthsvc.core.scoring import rhythm
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, enough_events, saturated
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetJudge(MeasureJudge):
    kind: ClassVar[str] = "target"
    meaning: ClassVar[str] = "a level that saturates"

    at: float
    """The level that counts half; less for customers whose own rhythm is slower."""
    min_events: float

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at(), min_events=reader.min_events())

    def judge(self, view: View, measure: int) -> Marks:
        level = view.level(measure, len(view.program.half_lives_us) - 1)
        half = self.at * rhythm.share_of_daily(view)
        return Marks(enough_events(view, measure, self.min_events), saturated(level, half))
