"""Flag kind `open`: while items (tickets, complaints, invoices) are open."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader, counts_of_open_items
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFlag(Flag):
    kind: ClassVar[str] = "open"
    meaning: ClassVar[str] = "while something is open"
    default_cool_days: ClassVar[float] = 7.0

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), fact=reader.fact(counts_of_open_items))

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        never = np.full(len(view.now_us), np.inf)
        return Condition.of_one_line(
            view.fact(self.fact) > 0, view.fact(f"{self.fact}_since"), never
        )
