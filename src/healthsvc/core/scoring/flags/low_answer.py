"""Flag kind `low_answer`: somebody's newest answer is low, and younger than the span."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.scorecard.surveys import Survey
from healthsvc.core.scoring.flags.kind import ABOVE, BELOW, Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.surveys import answers
from healthsvc.core.scoring.view import View

NO_CAP_SHARE: Final = 0.2
"""Of `at`: up to this share of low answers nothing is capped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LowAnswerFlag(Flag):
    """A detractor stays one, whatever a colleague answers; how much it caps is a matter of how many
    agree. With `unless` it holds only where nobody answered that survey within the span."""

    kind: ClassVar[str] = "low_answer"
    meaning: ClassVar[str] = (
        "somebody's newest answer to a survey is low, and younger than `days`; it caps in full "
        "from the share `at` of low answers on, or where a champion or decider gave it"
    )

    survey: Survey
    at: float
    span_us: int
    unless: str

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        survey = reader.survey(("nps", "csat"))
        return cls(
            **reader.common(),
            fact=survey,
            survey=survey,
            at=reader.line(above_zero=True),
            span_us=reader.span_us(),
            unless=reader.unless(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        given = answers(view, self.survey)
        ends = given.low_at + self.span_us
        is_low = (given.low_at > 0) & (view.now_us < ends)
        holds, onset, change = is_low, given.low_at, np.where(is_low, ends, np.inf)
        if self.unless:
            told_at = view.fact(f"{self.unless}_at")
            told_until = told_at + self.span_us
            holds = is_low & (view.now_us >= told_until)
            change = np.where(holds, ends, np.where(is_low, told_until, np.inf))
            onset = np.maximum(onset, np.where(told_at > 0, told_until, 0.0))
        return Condition(
            np.where(holds, ABOVE, BELOW),
            onset,
            change,
            depth=np.where(holds, self._agreement(given.low_share), 0.0),
        )

    def _agreement(self, low_share: Floats) -> Floats:
        """0 at a share of `NO_CAP_SHARE` of the line or less .. 1 at the line or more."""
        least = NO_CAP_SHARE * self.at
        agreement: Floats = np.clip((low_share - least) / (self.at - least), 0.0, 1.0)
        return agreement
