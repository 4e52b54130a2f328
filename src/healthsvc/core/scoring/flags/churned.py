"""Flag kind `churned`: the last subscription has ended, and the customer didn't come back."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.leaving import leaving
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnedFlag(Flag):
    kind: ClassVar[str] = "churned"
    meaning: ClassVar[str] = "the customer has left"
    after_leaving: ClassVar[bool] = True
    default_cool_days: ClassVar[float] = 0.0

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        standing = leaving(view)
        onset = np.where(np.isfinite(standing.ends_at), standing.ends_at, 0.0)
        change = np.where(standing.has_left, np.inf, standing.ends_at)
        return Condition.of_one_line(standing.has_left, onset, change)
