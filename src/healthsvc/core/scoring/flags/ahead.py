"""Flag kind `ahead`: during the span before an instant that is known."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader, instants
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadFlag(Flag):
    kind: ClassVar[str] = "ahead"
    meaning: ClassVar[str] = "`days` before an instant"

    span_us: int

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), fact=reader.fact(instants), span_us=reader.span_us())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        due = np.nan_to_num(view.fact(self.fact), nan=0.0)
        begins = due - self.span_us
        holds = (due > 0) & (view.now_us >= begins) & (view.now_us < due)
        next_change = np.where(view.now_us < begins, begins, np.where(holds, due, np.inf))
        return Condition.of_one_line(holds, begins, np.where(due > 0, next_change, np.inf))
