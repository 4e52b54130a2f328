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


@dataclass(frozen=True, slots=True, kw_only=True)
class FadingFlag(Flag):
    """What falls by a few percent a week never lies far below the habit of the last weeks, which
    falls with it; it lies below the habit of the last year.

    The lines are for daily users. The rate of one who comes more seldom is noisier, and its
    lines lie farther below 1.
    """

    kind: ClassVar[str] = "fading"
    meaning: ClassVar[str] = (
        "today's rate lies below `at` times that of the slow half-life, and the habit itself below"
        " `habit_at` times it, until today's reaches `exit`; from `days` after the first event on"
    )
    of_absence: ClassVar[bool] = True
    by_habit: ClassVar[bool] = True

    at: float
    exit: float
    habit_at: float
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
            habit_at=reader.habit_line(),
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
        now, long = (baseline.ratio_by(view, measure, lives)[rows] for lives in (today, habit))
        since = np.maximum(view.fact("first_seen") + self.span_us, rhythm.settled_us(view))[rows]
        root = np.sqrt(np.maximum(view.usual_gap_us[rows] / _DAILY_US, 1.0))
        noise = root * np.sqrt(root)  # the root alone would be the noise of visits at random
        line, habit_line = _widened(self.at, noise), _widened(self.habit_at, noise)
        enters = np.maximum(
            baseline.falls_by_us(view, rows, now, line, today),
            baseline.falls_by_us(view, rows, long, habit_line, habit),
        )
        enters = np.maximum(enters, since)
        slides = np.maximum(baseline.falls_by_us(view, rows, now, self.exit, today), since)
        instant = view.now_us[rows]
        judged = instant >= since
        holds = judged & (now < line) & (long < habit_line)
        is_low = judged & (now < self.exit)
        place = np.where(holds, ABOVE, np.where(is_low, BETWEEN, BELOW))
        change = np.where(holds, np.inf, np.floor(np.where(is_low, enters, slides)))
        return place, np.minimum(enters, instant), change


def _widened(line: float, noise: Floats) -> Floats:
    return np.maximum(1.0 - (1.0 - line) * noise, _LOWEST)
