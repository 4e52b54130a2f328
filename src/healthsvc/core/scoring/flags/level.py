"""Flag kind `level`: while a measure's level is at least the line."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFlag(Flag):
    kind: ClassVar[str] = "level"
    meaning: ClassVar[str] = "while the level is at least `at`"

    half_life_us: int
    at: float

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            measure=reader.measure(),
            at=reader.line(above_zero=True),
            half_life_us=reader.half_life_us(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        measure = column(view, self.measure)
        level = view.level(measure, view.program.half_lives_us.index(self.half_life_us))
        holds = level >= self.at
        until_exit_us = np.log2(np.where(holds, level, 1.0) / self.at) * self.half_life_us
        change = np.where(holds, view.now_us + np.floor(until_exit_us), np.inf)
        return Condition.of_one_line(holds, view.newest(measure), change)
