"""Flag kind `disagreement`: the score says one thing and the money another."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np

from healthsvc.core.scoring.flags.kind import ABOVE, BELOW, BETWEEN, Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.money import against_high, against_low
from healthsvc.core.scoring.motion import crosses_after_us
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class DisagreementFlag(Flag):
    """High is a score in the best band, low one in the lower half of the bands; the lines lie apart
    by the hysteresis of the bands."""

    kind: ClassVar[str] = "disagreement"
    meaning: ClassVar[str] = (
        "the score is `high` (in the best band) though the customer pays less, late or for seats"
        " that stand idle, or has cancelled; or it is `low` (in the lower half of the bands) though"
        " the customer pays more, signed anew, or is a large account"
    )
    after_score: ClassVar[bool] = True

    side: Literal["high", "low"]

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common_without_cap(), side=reader.side())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        judged = earlier.judged
        assert judged is not None  # flags of this kind are evaluated after the score
        score, apart = judged.parts.score, judged.hysteresis
        line = judged.best_floor if self.side == "high" else judged.low_floor
        lower, upper = line - apart, line + apart
        signs = against_high(view) if self.side == "high" else against_low(view)
        speaks = np.logical_or.reduce([sign.holds for sign in signs])
        beyond, inside = (
            (score >= upper, score >= lower)
            if self.side == "high"
            else (score < lower, score < upper)
        )
        place = np.where(beyond, ABOVE, np.where(inside, BETWEEN, BELOW))
        since = np.maximum.reduce([np.where(sign.holds, sign.since_us, 0.0) for sign in signs])
        below = np.where(score >= upper, upper, lower)
        above = np.where(score < lower, lower, upper)
        crosses_us = view.now_us + crosses_after_us(judged.parts, below, above)
        change_us = np.minimum.reduce([sign.change_us for sign in signs])
        return Condition(
            np.where(speaks, place, BELOW),
            np.where(speaks, since, 0.0),
            np.minimum(change_us, np.where(speaks, crosses_us, np.inf)),
        )
