"""Flag kind `both`: flags declared before hold together, since the last of them began."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class BothFlag(Flag):
    kind: ClassVar[str] = "both"
    meaning: ClassVar[str] = "while all flags of `of` hold"

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), of=reader.of())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        states, (first, *others) = earlier.states, earlier.places(self.of)
        place, onset, change = (
            states.place[:, first],
            states.onset_us[:, first],
            states.change_us[:, first],
        )
        for other in others:
            place = np.minimum(place, states.place[:, other])
            onset = np.maximum(onset, states.onset_us[:, other])
            change = np.minimum(change, states.change_us[:, other])
        return Condition(place, onset, change)
