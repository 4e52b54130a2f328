"""Flag kind `intent`: from an event on, until somebody spoke with the customer and it stayed quiet
for the span."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFlag(Flag):
    kind: ClassVar[str] = "intent"
    meaning: ClassVar[str] = (
        "from the event on, until someone spoke with the customer and it stayed quiet for `days`"
    )

    release: str
    """The measure of the contacts that release it."""
    blocked_by: str
    """The measure of the contacts that don't: while the newest contact is one of them, the flag
    stands."""
    span_us: int

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            measure=reader.measure(),
            release=reader.release(),
            blocked_by=reader.blocked_by(),
            span_us=reader.span_us(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        last_event = view.newest(column(view, self.measure))
        last_contact = view.newest(column(view, self.release))
        is_released = last_contact >= last_event
        if self.blocked_by:
            is_released &= view.newest(column(view, self.blocked_by)) < last_contact
        ends = np.where(is_released, last_event + self.span_us, np.inf)
        holds = (last_event > 0) & (view.now_us < ends)
        return Condition.of_one_line(holds, last_event, np.where(holds, ends, np.inf))
