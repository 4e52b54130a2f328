"""What folding needs of a batch of events, taken by a compiled scorecard while they are decoded."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from healthsvc.core.arrays import Floats, Int64s

NO_SLOT: Final = -1


class Extract(NamedTuple):
    """What the fold needs of n events."""

    signatures: Int64s
    slots: Int64s
    """(n,) of the function that was used; `NO_SLOT` for other events."""
    fact_events: list[tuple[int, str, Any]]
    """Place, type and event of those that write facts, in their order."""
    values: Floats
    """(n,) the value in the event's data, NaN without one; empty where the risk sums no values."""

    def take(self, places: Int64s) -> "Extract":
        """What it says of the events at these places, which ascend."""
        place_of = np.full(len(self.signatures), -1)
        place_of[places] = np.arange(len(places))
        now = (
            place_of[[place for place, _, _ in self.fact_events]].tolist()
            if self.fact_events
            else []
        )
        return Extract(
            self.signatures[places],
            self.slots[places],
            [
                (at, type_, event)
                for at, (_, type_, event) in zip(now, self.fact_events, strict=True)
                if at >= 0
            ],
            self.values[places] if len(self.values) else self.values,
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Extract"]) -> "Extract":
        """Parts of a batch, one after another."""
        fact_events: list[tuple[int, str, Any]] = []
        before = 0
        for part in parts:
            fact_events += (
                [(before + at, type_, event) for at, type_, event in part.fact_events]
                if before
                else part.fact_events
            )
            before += len(part.signatures)
        return cls(
            np.concatenate([np.zeros(0, np.int64), *(part.signatures for part in parts)]),
            np.concatenate([np.zeros(0, np.int64), *(part.slots for part in parts)]),
            fact_events,
            np.concatenate([np.zeros(0), *(part.values for part in parts)]),
        )
