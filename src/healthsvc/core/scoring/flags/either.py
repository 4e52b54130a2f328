"""Flag kind `either`: one of the flags declared before holds, since the first of those that do
began."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import ABOVE, Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class EitherFlag(Flag):
    kind: ClassVar[str] = "either"
    meaning: ClassVar[str] = "while one flag of `of` holds"

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), of=reader.of())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        states, places = earlier.states, earlier.places(self.of)
        place, onsets = states.place[:, places], states.onset_us[:, places]
        highest = place.max(axis=1)
        holds = place == ABOVE
        onset = np.where(holds, onsets, np.inf).min(axis=1)
        onset_or_zero = np.where(highest == ABOVE, onset, 0.0)
        return Condition(highest, onset_or_zero, states.change_us[:, places].min(axis=1))
