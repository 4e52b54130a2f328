"""Flag kind `waiting`: a ticket has no first answer, or a person who wrote to us no reply, for the
span."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.scorecard.cohort import TIERS, code
from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag, column
from healthsvc.core.scoring.flags.reading import FlagReader, counts_of_open_items
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFlag(Flag):
    """How long is too long depends on the touch that the customer was promised."""

    kind: ClassVar[str] = "waiting"
    meaning: ClassVar[str] = (
        "something open waits for `days`, or as `tier_days` says for the customer's tier; so does "
        "a person whose message (`measure`) had no reply"
    )

    span_us: int
    tier_spans_us: tuple[tuple[str, int], ...]
    """By touch tier; `span_us` for the others."""

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            fact=reader.fact(counts_of_open_items),
            measure=reader.optional_measure(),
            span_us=reader.span_us(),
            tier_spans_us=reader.tier_spans_us(TIERS),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        since = np.where(view.fact(self.fact) > 0, view.fact(f"{self.fact}_since"), np.inf)
        if self.measure:
            since = np.minimum(since, _unreplied_since(view, column(view, self.measure)))
        waits = np.isfinite(since)
        begins = np.where(waits, since, 0.0) + self._span(view)
        holds = waits & (view.now_us >= begins)
        return Condition.of_one_line(holds, begins, np.where(waits & ~holds, begins, np.inf))

    def _span(self, view: View) -> Floats:
        tier, span = view.fact("tier_code"), np.full(len(view.now_us), float(self.span_us))
        for name, span_us in self.tier_spans_us:
            span = np.where(tier == code(name), float(span_us), span)
        return span


def _unreplied_since(view: View, measure: int) -> Floats:
    """(n,) the oldest of the newest three messages that came after our last reply, inf where there
    is none."""
    first = len(view.program.half_lives_us) + 1
    newest = view.cells[:, measure, first : first + 3]
    is_unreplied = newest > view.fact("replied_at")[:, None]
    since: Floats = np.where(is_unreplied, newest, np.inf).min(axis=1)
    return since
