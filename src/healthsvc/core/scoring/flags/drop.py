"""Flag kind `drop`: today's rate of a measure lies below a share of the customer's own habit."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring import baseline
from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFlag(Flag):
    """Silence brings it nearer. A customer seen for less than the shortest half-life has no habit
    yet."""

    kind: ClassVar[str] = "drop"
    meaning: ClassVar[str] = "today's rate lies below `at` times the habit"
    of_absence: ClassVar[bool] = True

    at: float
    min_events: float

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            measure=reader.measure(),
            at=reader.line(above_zero=True),
            min_events=reader.min_events(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        measure = column(view, self.measure)
        ratio, since = (
            baseline.ratio(view, measure),
            view.fact("first_seen") + view.program.half_lives_us[0],
        )
        known = (view.count(measure) >= self.min_events) & (ratio > 0)
        rows = np.flatnonzero(known)
        begins = np.array(since)
        if len(rows):
            begins[rows] = np.maximum(
                baseline.falls_to_us(view, rows, ratio[rows], self.at), since[rows]
            )
        holds = known & (ratio < self.at) & (view.now_us >= since)
        return Condition.of_one_line(
            holds, begins, np.where(known & ~holds, np.floor(begins), np.inf)
        )
