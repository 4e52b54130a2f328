"""Judge kind `served`: fixed marks after something was served, fading."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.reading import instants
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedJudge(MeasureJudge):
    kind: ClassVar[str] = "served"
    meaning: ClassVar[str] = "fixed marks after it was served"
    expected: ClassVar[bool] = False

    fact: str
    best: float
    """The marks, 0 to 1."""
    half_life_us: int

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        half_life_us = reader.half_life_us()
        return cls(
            fact=reader.fact(allowed=instants), best=reader.fixed_marks(), half_life_us=half_life_us
        )

    @property
    def fading_us(self) -> int | None:
        return self.half_life_us

    def judge(self, view: View, measure: int) -> Marks:
        at = view.fact(self.fact)
        evidence = np.where(at > 0, view.ageing(at, self.half_life_us), 0.0)
        return Marks(evidence, np.full(len(at), self.best))
