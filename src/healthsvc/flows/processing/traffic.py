"""Counts one worker's incoming events by minute and by scope (fleet, source, segment) for outage
detection.

Cheap on the way: of a large batch a part is looked at, chosen by the events' digests, and counts
for the rest.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.instants import DAY_US
from healthsvc.core.outages.detect import FLEET, SEGMENT, SOURCE
from healthsvc.core.outages.traffic import MINUTE_US
from healthsvc.wire.events.sources import sources

LOOKED_AT: Final = 64
"""Events of one batch that are looked at, or somewhat more."""
LIVE_US: Final = DAY_US
"""An event that is older when it is logged is history, and no sign of life."""
MOST_SCOPES: Final = 100
"""Scopes counted at once; with more of them (a source for each device, say) none of the others is
large."""


class Traffic:
    """Counts since they were last taken."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str], float] = {}
        self._scopes: set[str] = set()

    def note(
        self,
        logged_us: NDArray[np.int64],
        occurred_us: NDArray[np.int64],
        digests: NDArray[np.uint64],
        events: Sequence[bytes],
        segment: Callable[[int], object],
    ) -> None:
        """Count a batch, an entry an event in each; `segment` of the event at a place."""
        live = np.flatnonzero(logged_us - occurred_us < LIVE_US)
        if not len(live):
            return
        part = np.uint64(max(1, len(live) // LOOKED_AT))
        chosen = live[digests[live, 0] % part == 0]
        minutes = logged_us // MINUTE_US
        for minute, count in _minute_counts(minutes[live]):
            self._add(minute, FLEET, count)
        weight = len(live) / max(1, len(chosen))
        places = chosen.tolist()
        for i, minute, source in zip(
            places, minutes[chosen].tolist(), sources([events[i] for i in places]), strict=True
        ):
            self._add(minute, SOURCE + source, weight)
            name = segment(i)
            if isinstance(name, str) and name:
                self._add(minute, SEGMENT + name, weight)

    def take(self) -> dict[tuple[int, str], float]:
        """What was counted by (minute, scope); the counting begins anew."""
        counts, self._counts = self._counts, {}
        self._scopes = set()
        return counts

    def _add(self, minute: int, scope: str, events: float) -> None:
        if scope not in self._scopes:
            if len(self._scopes) >= MOST_SCOPES:
                return
            self._scopes.add(scope)
        self._counts[minute, scope] = self._counts.get((minute, scope), 0.0) + events


def _minute_counts(minutes: NDArray[np.int64]) -> list[tuple[int, int]]:
    """How often each minute is there; nearly always there is one."""
    first = int(minutes[0])
    if first == minutes.min() and first == minutes.max():
        return [(first, len(minutes))]
    met, counts = np.unique(minutes, return_counts=True)
    return list(zip(met.tolist(), counts.tolist(), strict=True))
