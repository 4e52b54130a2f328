"""Isolates poison timers: customers whose decision fails whenever their timer is due.

After a failure due timers are decided in smaller and smaller groups, each flushed by itself. A
single one that fails twice running is postponed, and longer each time, so that the others go on; it
recovers once its cause is mended.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from healthsvc.flows.processing.faults.poison_records import SHRINK

LARGEST_GROUP: Final = 2_000
DELAYS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
)
"""By how much a timer is postponed: the first, the second … time in a row."""
LONGEST_SEARCH: Final = timedelta(seconds=10)
"""So long a search goes on though no timer is due any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonTimer:
    """A customer's timer to be postponed."""

    customer_key: int
    error: str


@dataclass(slots=True)
class TimerSearch:
    """The state of the search: how many timers may be at fault, and how many are tried at once."""

    limit: int = LARGEST_GROUP
    _remaining: int = 0
    _narrow: int = 0
    """How many of the group that failed last are still to be tried: before that, groups stay
    small."""
    _ends_at: datetime | None = None
    _trying: tuple[int, ...] = ()
    _suspect: int | None = None
    _failures: dict[int, int] = field(default_factory=dict)
    """In a row, by customer."""

    @property
    def active(self) -> bool:
        return self._remaining > 0

    @property
    def is_trying(self) -> bool:
        """Whether timers alone are in hand."""
        return bool(self._trying)

    @property
    def has_postponed(self) -> bool:
        return bool(self._failures)

    def begin(self, timers: int, now: datetime) -> None:
        """Processing failed with so many due timers in hand."""
        if timers:
            self._remaining, self.limit = timers, max(1, min(LARGEST_GROUP, timers // SHRINK))
            self._ends_at = now + LONGEST_SEARCH
            self._narrow, self._trying = 0, ()

    def trying(self, keys: Sequence[int]) -> None:
        """These customers alone are in hand."""
        self._trying = tuple(keys)

    def passed(self) -> None:
        """What was tried is flushed."""
        tried, self._trying = self._trying, ()
        self._remaining -= len(tried)
        self._narrow -= len(tried)
        if self._narrow <= 0:
            self.limit = min(LARGEST_GROUP, self.limit * SHRINK)

    def none_due(self, now: datetime) -> None:
        """No timer is due now, as far as the log is read; those at fault may be due again in a
        moment."""
        if self._ends_at is None or now >= self._ends_at:
            self._remaining = 0

    def failed(self, error: BaseException) -> PoisonTimer | None:
        """The timer to be postponed, if that is certain; else the search goes on in smaller
        groups."""
        tried, self._trying = self._trying, ()
        if not tried:
            return None
        self.limit = max(1, len(tried) // SHRINK)
        if len(tried) > 1:
            self._narrow = len(tried)
            return None
        if tried[0] != self._suspect:
            self._suspect = tried[0]
            return None
        self._suspect = None
        self._remaining -= 1
        self._narrow -= 1
        return PoisonTimer(customer_key=tried[0], error=f"{type(error).__name__}: {error}")

    def delay(self, customer_key: int) -> timedelta:
        """By how much the customer's timer is to be postponed, this time."""
        failures = self._failures.get(customer_key, 0)
        self._failures[customer_key] = failures + 1
        return DELAYS[min(failures, len(DELAYS) - 1)]

    def decided(self, keys: Collection[int]) -> set[int]:
        """These customers were decided and written; answers those of them that had been
        postponed."""
        recovered = self._failures.keys() & set(keys)
        for key in recovered:
            del self._failures[key]
        return recovered
