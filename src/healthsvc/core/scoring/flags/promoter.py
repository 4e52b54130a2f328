"""Flag kind `promoter`: somebody would recommend us, and hardly anybody would not."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.surveys import answers, promoters
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoterFlag(Flag):
    """NPS of the customer: the share of promoters less that of detractors."""

    kind: ClassVar[str] = "promoter"
    meaning: ClassVar[str] = (
        "somebody's newest NPS answer is high and younger than `days`, and the share of high "
        "answers is above that of low ones by `at`"
    )

    at: float
    span_us: int

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), fact="nps", at=reader.line(), span_us=reader.span_us())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        high, low = promoters(view), answers(view, "nps")
        ends = high.high_at + self.span_us
        holds = (
            (high.high_at > 0) & (view.now_us < ends) & (high.high_share - low.low_share >= self.at)
        )
        return Condition.of_one_line(holds, high.high_at, np.where(holds, ends, np.inf))
