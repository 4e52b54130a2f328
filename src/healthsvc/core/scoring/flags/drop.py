"""Flag kind `drop`: today's rate of a measure lies below a share of the customer's own habit."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from healthsvc.core.arrays import Codes, Floats, Int64s
from healthsvc.core.scoring import baseline
from healthsvc.core.scoring.flags.kind import (
    ABOVE,
    BELOW,
    BETWEEN,
    Condition,
    EarlierFlags,
    Flag,
    column,
)
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View

_LN2: Final = float(np.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFlag(Flag):
    """Silence brings it nearer. A customer seen for less than the shorter half-life has no habit
    yet."""

    kind: ClassVar[str] = "drop"
    meaning: ClassVar[str] = "today's rate lies below `at` times the habit, until it reaches `exit`"
    of_absence: ClassVar[bool] = True
    by_habit: ClassVar[bool] = True

    at: float
    exit: float
    min_events: float

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        at = reader.line(above_zero=True)
        return cls(
            **reader.common(),
            measure=reader.measure(),
            at=at,
            exit=reader.exit_above(at),
            min_events=reader.min_events(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        measure = column(view, self.measure)
        ratio, since = baseline.ratio(view, measure), baseline.judged_from_us(view)
        known = (view.count(measure) >= self.min_events) & (ratio > 0)
        known &= baseline.is_judged(view, measure)
        rows = np.flatnonzero(known)
        enters, slides = np.array(since), np.array(since)
        if len(rows):
            enters[rows] = np.maximum(self._falls_to(view, rows, ratio, self.at), since[rows])
            slides[rows] = np.maximum(self._falls_to(view, rows, ratio, self.exit), since[rows])
        judged = known & (view.now_us >= since)
        holds, is_low = judged & (ratio < self.at), judged & (ratio < self.exit)
        place = np.where(holds, ABOVE, np.where(is_low, BETWEEN, BELOW))
        change = np.floor(np.where(is_low, enters, slides))
        change = np.where(known & ~holds, change, np.inf)
        return self._condition(view, place, np.minimum(enters, view.now_us), change, ratio)

    def _falls_to(self, view: View, rows: Int64s, ratio: Floats, line: float) -> Floats:
        return baseline.falls_to_us(view, rows, ratio[rows], line)

    def _condition(
        self, view: View, place: Codes, onset: Floats, change: Floats, ratio: Floats
    ) -> Condition:
        if self.exit == self.at:
            return Condition(place, onset, change)
        depth = (self.exit - ratio) / (self.exit - self.at)
        depth = np.where(place == BETWEEN, np.clip(depth, 0.0, 1.0), place == ABOVE)
        fastest = ratio * (_LN2 * baseline.speed(view) / (self.exit - self.at))
        return Condition(place, onset, change, depth, np.where(place == BETWEEN, fastest, 0.0))
