"""Flag kind `intent`: from an event on, until somebody spoke with the customer and it stayed quiet
for the span."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.arrays import Mask
from healthsvc.core.scoring.flags.kind import ABOVE, BELOW, Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFlag(Flag):
    kind: ClassVar[str] = "intent"
    meaning: ClassVar[str] = (
        "from the event on, until someone spoke with the customer and it stayed quiet for `days`"
    )
    default_cool_days: ClassVar[float] = 0.0

    release: str
    """The measure of the contacts that release it."""
    blocked_by: str
    """The measure of the contacts that don't: while the newest contact is one of them, the flag
    stands."""
    span_us: int
    times: float
    """The event is news while its rate is at least so many times the long-standing one; else it is
    a habit. 0: it is always news."""
    renew_us: int
    """A habit has an alert at most once in so long."""

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            measure=reader.measure(),
            release=reader.release(),
            blocked_by=reader.blocked_by(),
            span_us=reader.span_us(),
            times=reader.times(),
            renew_us=reader.renew_us(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        last_event = view.newest(column(view, self.measure))
        last_contact = view.newest(column(view, self.release))
        is_released = last_contact >= last_event
        if self.blocked_by:
            is_released &= view.newest(column(view, self.blocked_by)) < last_contact
        ends = np.where(is_released, last_event + self.span_us, np.inf)
        holds = (last_event > 0) & (view.now_us < ends)
        return Condition(
            np.where(holds, ABOVE, BELOW),
            last_event,
            np.where(holds, ends, np.inf),
            is_habit=self._is_habit(view),
        )

    def _is_habit(self, view: View) -> Mask | None:
        """Whose newest event was no news: they have done it for months.

        Rates are compared as of that event. Several events in a minute are no habit: they raise
        both rates alike.
        """
        lives = view.program.half_lives_us
        if not self.times:
            return None
        measure = column(view, self.measure)
        today, usual = view.rate(measure, 0), view.rate(measure, len(lives) - 1) * self.times
        quiet = np.maximum(view.now_us - view.newest(measure), 0.0)
        fades = np.exp2(-quiet * (1.0 / lives[0] - 1.0 / lives[-1]))
        habit: Mask = today < usual * fades
        return habit
