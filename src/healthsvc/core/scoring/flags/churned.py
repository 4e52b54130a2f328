"""Flag kind `churned`: the customer cancelled, the cancellation took effect, and no renewal came
since."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnedFlag(Flag):
    kind: ClassVar[str] = "churned"
    meaning: ClassVar[str] = "the customer has left"
    default_cool_days: ClassVar[float] = 0.0

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        cancelled = view.fact("cancelled_at")
        effective = np.nan_to_num(view.fact("cancel_effective"), nan=0.0)
        leaving = (cancelled > 0) & (cancelled >= view.fact("renewed_at"))
        holds = leaving & (effective <= view.now_us)
        change = np.where(leaving & ~holds, effective, np.inf)
        return Condition.of_one_line(holds, np.maximum(cancelled, effective), change)
