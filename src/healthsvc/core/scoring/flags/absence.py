"""Flag kind `absence`: nothing has come for the span, of a customer that had been there."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.scoring import rhythm
from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceFlag(Flag):
    """Never-used isn't went-silent: a customer with too few events has no absence."""

    kind: ClassVar[str] = "absence"
    meaning: ClassVar[str] = (
        "nothing came for `days`; of the measure of `rhythm`, for the customer's own span if longer"
    )
    of_absence: ClassVar[bool] = True

    span_us: int
    """For daily users; slower ones of the measure of `rhythm` by their own gap."""
    min_events: float

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            measure=reader.measure(),
            span_us=reader.span_us(),
            min_events=reader.min_events(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        measure = column(view, self.measure)
        begins = view.newest(measure) + self._quiet_us(view, measure)
        known = view.count(measure) >= self.min_events
        holds = known & (view.now_us >= begins)
        return Condition.of_one_line(holds, begins, np.where(known & ~holds, begins, np.inf))

    def _quiet_us(self, view: View, measure: int) -> Floats | float:
        """After which quiet of each customer it is an absence."""
        if measure != view.program.presence:
            return float(self.span_us)
        return rhythm.silence_us(view, self.span_us)
