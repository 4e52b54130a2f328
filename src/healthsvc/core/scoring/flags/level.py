"""Flag kind `level`: while a measure's level is at least the line, and well above the customer's
own usual one."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from healthsvc.core.arrays import Floats, Mask
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
class LevelFlag(Flag):
    kind: ClassVar[str] = "level"
    meaning: ClassVar[str] = (
        "while the level is at least `at`, and its rate `times` the long-standing one; once raised,"
        " until the level falls below `exit`"
    )

    half_life_us: int
    at: float
    exit: float
    times: float
    """0: the level alone decides."""

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        at = reader.line(above_zero=True)
        return cls(
            **reader.common(),
            measure=reader.measure(),
            at=at,
            exit=reader.exit_below(at),
            times=reader.times(),
            half_life_us=reader.half_life_us(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        measure = column(view, self.measure)
        level = view.level(measure, view.program.half_lives_us.index(self.half_life_us))
        enters, usual_us = self._until_usual(view, measure)
        holds, is_high = enters & (level >= self.at), level >= self.exit
        line = np.where(holds, self.at, self.exit)
        ahead = np.log2(np.where(is_high, level, line) / line) * self.half_life_us
        ahead = np.where(holds, np.minimum(ahead, usual_us), ahead)
        change = np.where(is_high, view.now_us + np.floor(ahead), np.inf)
        place = np.where(holds, ABOVE, np.where(is_high, BETWEEN, BELOW))
        newest = view.newest(measure)
        if self.exit == self.at:
            return Condition(place, newest, change)
        depth = np.clip((level - self.exit) / (self.at - self.exit), 0.0, 1.0)
        slides = (depth > 0) & (depth < 1)
        fastest = level * (-_LN2 / self.half_life_us / (self.at - self.exit))
        return Condition(place, newest, change, depth, np.where(slides, fastest, 0.0))

    def _until_usual(self, view: View, measure: int) -> tuple[Mask, Floats]:
        """(n,) whose rate is well above the usual one, and for how many microseconds of quiet."""
        lives = view.program.half_lives_us
        own, last = lives.index(self.half_life_us), len(lives) - 1
        n = len(view.now_us)
        if not self.times or own == last:
            return np.ones(n, bool), np.full(n, np.inf)
        usual = view.rate(measure, last) * self.times
        above = view.rate(measure, own) / np.where(usual > 0, usual, np.inf)
        enters = above >= 1.0
        speed = 1.0 / lives[own] - 1.0 / lives[last]
        return enters, np.log2(np.where(enters, above, 1.0)) / speed
