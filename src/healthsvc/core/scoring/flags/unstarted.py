"""Flag kind `unstarted`: sold, and after the span still hardly an event of the measure."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.arrays import Mask
from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.lifecycle import sold_us
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class UnstartedFlag(Flag):
    """Never-used isn't went-silent, and a prospect isn't a customer who never came: it takes a
    sale, by its date, by revenue or by a contract."""

    kind: ClassVar[str] = "unstarted"
    meaning: ClassVar[str] = (
        "sold `days` ago and has not come `min_events` times, nor at all for `days`"
    )
    of_absence: ClassVar[bool] = True

    span_us: int
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
        waits = _sold(view) & (view.count(measure) < self.min_events)
        begins = np.maximum(sold_us(view), view.newest(measure)) + self.span_us
        holds = waits & (view.now_us >= begins)
        return Condition.of_one_line(holds, begins, np.where(waits & ~holds, begins, np.inf))


def _sold(view: View) -> Mask:
    """(n,) whether a sale is known."""
    pays = np.nan_to_num(view.fact("mrr"), nan=0.0) > 0
    sold: Mask = ~np.isnan(view.fact("sold_at")) | pays | (view.fact("renewed_at") > 0)
    return sold
