"""Flag kind `loyal`: the loyalty is at least the line; its onset is when it was last shown."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring import loyalty
from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class LoyalFlag(Flag):
    kind: ClassVar[str] = "loyal"
    meaning: ClassVar[str] = "the loyalty is at least `at`"

    at: float

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), at=reader.line())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        n, rules = len(view.now_us), view.program.relationship
        if rules.loyalty is None:
            return Condition.of_one_line(np.zeros(n, bool), np.zeros(n), np.full(n, np.inf))
        standing = loyalty.loyalty_score(view, rules.loyalty, rules.heavy_use)
        holds = np.nan_to_num(standing.loyalty, nan=-1.0) >= self.at
        return Condition.of_one_line(
            holds, standing.since_us, loyalty.turns_us(view, rules.loyalty, standing, self.at)
        )
