"""Flag kind `contraction`: recurring revenue fell by a share that matters."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.revenue import lost_subscription, told_change
from healthsvc.core.scoring.view import View

SHARE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractionFlag(Flag):
    """In one currency and one billing period; one of several subscriptions that ends counts."""

    kind: ClassVar[str] = "contraction"
    meaning: ClassVar[str] = (
        "recurring revenue fell by a share of at least `at` within the last `days`"
    )

    at: float
    span_us: int

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), at=reader.share(SHARE), span_us=reader.span_us())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        onset = np.zeros(len(view.now_us))
        for change in (told_change(view), lost_subscription(view)):
            counts = (change.share <= -self.at) & (change.share < 0)
            onset = np.maximum(onset, np.where(counts, change.at_us, 0.0))
        ends = onset + self.span_us
        holds = (onset > 0) & (view.now_us < ends)
        return Condition.of_one_line(holds, onset, np.where(holds, ends, np.inf))
