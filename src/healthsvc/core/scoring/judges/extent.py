"""Judge kind `extent`: features used in the last 28 days, of those owned."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring import rhythm
from healthsvc.core.scoring.grace import owned
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentJudge(MeasureJudge):
    kind: ClassVar[str] = "extent"
    meaning: ClassVar[str] = "features used, of those owned"

    at: float
    """Features owned where nobody told: at least so many, or all that were ever used."""
    grace_us: int
    """So long after the customer got more of them it is judged by those from before."""

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(at=reader.at(), grace_us=reader.grace_us())

    def judge(self, view: View, measure: int) -> Marks:
        ever = view.functions()
        used = view.functions(since_us=view.now_us - rhythm.extent_span_us(view))
        features_owned, change_us = owned(view, "features_owned", self.grace_us)
        unknown = np.isnan(features_owned) | (features_owned <= 0)
        features_owned = np.where(
            unknown, np.maximum(ever, self.at), np.maximum(features_owned, 1.0)
        )
        marks = np.minimum(1.0, used / features_owned)
        return Marks((ever > 0).astype(np.float64), marks, change_us)
