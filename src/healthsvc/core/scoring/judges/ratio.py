"""Judge kind `ratio`: one fact over another."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.grace import owned
from healthsvc.core.scoring.judges.kind import Marks, MeasureJudge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioJudge(MeasureJudge):
    kind: ClassVar[str] = "ratio"
    meaning: ClassVar[str] = "one fact over another"

    at: float
    """The share that is full marks."""
    fact: str
    to: str
    grace_us: int
    """So long after `to` grew it is taken as it was before."""

    @classmethod
    def read(cls, reader: JudgeReader) -> Self:
        return cls(
            at=reader.at(), fact=reader.fact(), to=reader.fact("to"), grace_us=reader.grace_us()
        )

    def judge(self, view: View, measure: int) -> Marks:
        part = view.fact(self.fact)
        whole, change_us = owned(view, self.to, self.grace_us)
        known = ~np.isnan(part) & ~np.isnan(whole) & (whole > 0)
        share = np.clip(part / np.where(known, whole, 1.0) / self.at, 0.0, 1.0)
        return Marks(known.astype(np.float64), np.where(known, share, 0.0), change_us)
