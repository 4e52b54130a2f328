"""Flag kind `notice`: the customer is to leave at a date ahead, or said so to somebody of ours."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.leaving import leaving
from healthsvc.core.scoring.view import View

_TAKEN_BACK: tuple[str, ...] = ("renewed_at", "withdrawn_at", "subscriptions_renewed_at")
"""What ends a notice that was only spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFlag(Flag):
    """A cancellation holds until its date, a spoken notice for `days`; either ends when it is
    withdrawn or the contract renewed."""

    kind: ClassVar[str] = "notice"
    meaning: ClassVar[str] = (
        "the subscription is cancelled to a date ahead, or an event of `measure` said in the last "
        "`days` that the customer will leave"
    )

    span_us: int

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(**reader.common(), measure=reader.optional_measure(), span_us=reader.span_us())

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        standing = leaving(view)
        spoken_at = self._spoken_at(view)
        spoken_until = np.where(spoken_at > 0, spoken_at + self.span_us, 0.0)
        by_contract, by_word = standing.gave_notice, view.now_us < spoken_until
        holds = by_contract | by_word
        told_at = np.where(by_contract, standing.told_at, np.inf)
        onset = np.minimum(told_at, np.where(by_word, spoken_at, np.inf))
        change = np.minimum(
            np.where(by_contract, standing.ends_at, np.inf),
            np.where(by_word, spoken_until, np.inf),
        )
        return Condition.of_one_line(holds, np.where(holds, onset, 0.0), change)

    def _spoken_at(self, view: View) -> Floats:
        """(n,) when the customer said so last, 0 where it didn't or took it back."""
        if not self.measure:
            return np.zeros(len(view.now_us))
        spoken_at = view.newest(column(view, self.measure))
        taken_back_at = np.maximum.reduce([view.fact(name) for name in _TAKEN_BACK])
        return np.where(spoken_at > taken_back_at, spoken_at, 0.0)
