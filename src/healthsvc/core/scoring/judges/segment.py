"""Judge kind `segment`: today's level among the customers of the segment, as frozen at
publishing."""

from dataclasses import dataclass
from typing import ClassVar, Self

from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge, enough_events, saturated
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentJudge(MeasureJudge):
    kind: ClassVar[str] = "segment"
    meaning: ClassVar[str] = (
        "today's rate among the customers of its segment, as frozen at publishing"
    )

    at: float
    """The level that counts half while there is no reference."""
    min_events: float

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at(), min_events=reader.min_events(), reference=reader.reference)

    @property
    def wants_reference(self) -> bool:
        return self.reference is None

    def judge(self, view: View, measure: int) -> Marks:
        evidence = enough_events(view, measure, self.min_events)
        level = view.level(measure, 0)
        if self.reference is None:
            return Marks(evidence, saturated(level, self.at))
        return Marks(evidence, self.reference.places(level, view.fact("segment_code")))
