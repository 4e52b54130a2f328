"""Flag kind `answer`: the last answer is at most the line, and younger than the span."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader, dated
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFlag(Flag):
    """With `unless` it holds only where that fact wasn't told within the span, since that fact says
    more."""

    kind: ClassVar[str] = "answer"
    meaning: ClassVar[str] = "the last answer is at most `at`, and younger than `days`"

    at: float
    span_us: int
    unless: str

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            fact=reader.fact(dated),
            at=reader.line(),
            span_us=reader.span_us(),
            unless=reader.unless(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        answer, answered_at = view.fact(self.fact), view.fact(f"{self.fact}_at")
        ends = answered_at + self.span_us
        low = (np.nan_to_num(answer, nan=np.inf) <= self.at) & (view.now_us < ends)
        if not self.unless:
            return Condition.of_one_line(low, answered_at, np.where(low, ends, np.inf))
        outweighed_at = view.fact(f"{self.unless}_at")
        outweighed_until = outweighed_at + self.span_us
        holds = low & (view.now_us >= outweighed_until)
        change = np.where(holds, ends, np.where(low, outweighed_until, np.inf))
        onset = np.maximum(answered_at, np.where(outweighed_at > 0, outweighed_until, 0.0))
        return Condition.of_one_line(holds, onset, change)
