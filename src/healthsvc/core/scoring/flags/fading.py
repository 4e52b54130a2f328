"""Flag kind `fading`: the customer's own habit itself sinks, slowly, over months."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from healthsvc.core.arrays import Codes, Floats, Int64s, Mask
from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring import baseline, rhythm
from healthsvc.core.scoring.baseline import HalfLives
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
from healthsvc.core.scoring.view import SLOW, View

_DAILY_US: Final = 2 * DAY_US
"""The usual gap of a daily user."""
_LOWEST: Final = 0.05
_PAUSE_US: Final = 7 * DAY_US
_PAUSE_GAPS: Final = 3.5
"""Who is quiet for longer than a week, and than so many usual gaps, makes a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FadingFlag(Flag):
    """What falls by a few percent a week never lies far below the habit of the last weeks, which
    falls with it; it lies below the habit of the last year. So what is judged is the geometric mean
    of two rates, of the last weeks and of the last months, each over that of the slow half-life:
    the first is quick, the second hardly scatters.

    The line is for daily users. The rate of one who comes more seldom is noisier, and its line lies
    farther below 1. A pause is no slow decline: in one nothing begins to hold.
    """

    kind: ClassVar[str] = "fading"
    meaning: ClassVar[str] = (
        "the rates of the last weeks and of the last months lie below `at` times that of the slow"
        " half-life, by their geometric mean, until that reaches `exit`; from `days` after the"
        " first event on"
    )
    of_absence: ClassVar[bool] = True
    by_habit: ClassVar[bool] = True

    at: float
    exit: float
    span_us: int
    min_events: float

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        at = reader.line(above_zero=True)
        return cls(
            **reader.common(),
            measure=reader.measure(),
            at=at,
            exit=reader.exit_above(at),
            span_us=reader.span_us(),
            min_events=reader.min_events(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        measure, n = column(view, self.measure), len(view.now_us)
        place, never = np.full(n, BELOW), np.full(n, np.inf)
        if measure not in view.program.slow:
            return Condition(place, np.zeros(n), never)
        rows = np.flatnonzero(self._is_known(view, measure))
        change, onset = never, np.zeros(n)
        if len(rows):
            place[rows], onset[rows], change[rows] = self._of_known(view, measure, rows)
        return Condition(place, onset, change)

    def _is_known(self, view: View, measure: int) -> Mask:
        known = ~rhythm.is_slow(view) & ~rhythm.is_rare(view)
        known &= view.level(measure, SLOW) > 0
        known &= (view.count(measure) >= self.min_events) & (view.level(measure, 0) > 0)
        return known

    def _of_known(self, view: View, measure: int, rows: Int64s) -> tuple[Codes, Floats, Floats]:
        """Place, onset and change of some rows."""
        last = len(view.program.half_lives_us) - 1
        today, habit = HalfLives(0, SLOW), HalfLives(last, SLOW)
        ratios = [
            (baseline.ratio_by(view, measure, lives)[rows], lives) for lives in (today, habit)
        ]
        mean = np.sqrt(ratios[0][0] * ratios[1][0])
        since = np.maximum(view.fact("first_seen") + self.span_us, rhythm.settled_us(view))[rows]
        line = _widened(self.at, np.sqrt(np.maximum(view.usual_gap_us[rows] / _DAILY_US, 1.0)))
        enters = np.maximum(baseline.falls_together_by_us(view, rows, ratios, line), since)
        slides = np.maximum(baseline.falls_together_by_us(view, rows, ratios, self.exit), since)
        pauses_us = view.newest(measure)[rows] + np.maximum(
            _PAUSE_US, np.floor(_PAUSE_GAPS * view.usual_gap_us[rows])
        )
        instant = view.now_us[rows]
        judged = instant >= since
        holds = judged & (mean < line) & (instant < pauses_us)
        place = np.where(holds, ABOVE, np.where(judged & (mean < self.exit), BETWEEN, BELOW))
        is_late = (instant >= pauses_us) | (enters >= pauses_us)
        change = np.where(is_late, np.inf, enters)
        change = np.where(place == BELOW, slides, np.where(place == ABOVE, pauses_us, change))
        return place, np.minimum(enters, instant), np.floor(change)


def _widened(line: float, noise: Floats) -> Floats:
    return np.maximum(1.0 - (1.0 - line) * noise, _LOWEST)
