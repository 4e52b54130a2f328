"""Flag kind `answer_from`: the last answer is at least the line, and younger than the span."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader, dated
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFromFlag(Flag):
    kind: ClassVar[str] = "answer_from"
    meaning: ClassVar[str] = "the last answer is at least `at`, and younger than `days`"

    at: float
    span_us: int

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(), fact=reader.fact(dated), at=reader.line(), span_us=reader.span_us()
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        answer, answered_at = view.fact(self.fact), view.fact(f"{self.fact}_at")
        ends = answered_at + self.span_us
        holds = (np.nan_to_num(answer, nan=-np.inf) >= self.at) & (view.now_us < ends)
        return Condition.of_one_line(holds, answered_at, np.where(holds, ends, np.inf))
