"""Flag kind `returned`: the customer has left, and uses the product again."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.leaving import leaving
from healthsvc.core.scoring.view import View

AFTER_US = DAY_US
"""What is used within a day of the end is the last of the former use, such as an export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedFlag(Flag):
    """Use alone doesn't say that the customer is back; somebody should look."""

    kind: ClassVar[str] = "returned"
    meaning: ClassVar[str] = (
        "the customer has left, and an event of `measure` came later than a day after the end and "
        "within the last `days`"
    )
    after_leaving: ClassVar[bool] = True

    span_us: int

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), measure=reader.measure(), span_us=reader.span_us())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        standing = leaving(view)
        used_at = view.newest(column(view, self.measure))
        is_back = standing.has_left & (used_at > standing.ends_at + AFTER_US)
        until = used_at + self.span_us
        holds = is_back & (view.now_us < until)
        return Condition.of_one_line(
            holds, np.where(holds, used_at, 0.0), np.where(holds, until, np.inf)
        )
