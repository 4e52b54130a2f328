"""Shares the slots for webhook tries among endpoints: those that hang leave slots to those that
answer.

An endpoint starts on probation with one try at a time. Each fast success widens its window by one,
and PROVEN_AFTER of them in a row make it proven. A try that takes longer than SLOW_TICKS closes the
window to one and ends the proof. Each pool of slots is separate, so endpoints on probation never
take a proven one's slot; within a pool, an endpoint's second and further tries need several free
slots each (`admits`), so endpoints that begin to hang together can't fill it.

Pure: the clock is a count of ticks that the caller makes, TICK_SECONDS apart or later. A second is
SLOW_TICKS of an event loop at ease; one that is overloaded, and so delays everybody's answers
itself, ticks less often, and endpoints aren't blamed for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TICK_SECONDS: Final = 0.04
SLOW_TICKS: Final = 25
PROVEN_AFTER: Final = 3
SPACINGS: Final = 16  # a pool's size over its spacing


class Pool(StrEnum):
    """Where a running try is counted."""

    PROVEN = "proven"  # its endpoint answers fast
    PROBATION = "probation"  # its endpoint is new, slow, or failed lately
    FAILING = "failing"  # its endpoint failed at its last try
    SLOW = "slow"  # it began in PROVEN or PROBATION, and takes long


# Parts of the pool of the proven ones.
SIZES: Final[Mapping[Pool, float]] = {
    Pool.PROVEN: 1,
    Pool.PROBATION: 1 / 4,
    Pool.FAILING: 1 / 4,
    Pool.SLOW: 1 / 2,
}


def sizes(concurrency: int) -> dict[Pool, int]:
    """The pools' sizes, given that of the proven endpoints' one; at least one slot each."""
    return {pool: max(1, int(concurrency * part)) for pool, part in SIZES.items()}


@dataclass(frozen=True, slots=True)
class Opening:
    """A pool's free slots, and how many of them each of an endpoint's tries asks for (see
    `admits`)."""

    free: int
    spacing: int

    def admits(self, nth: int) -> bool:
        """Whether an endpoint's `nth` try at a time may begin.

        The first needs one free slot, others `nth * spacing`: the fewer slots are free, the fewer
        an endpoint may hold, and the last ones go to endpoints that have none (dynamic thresholds
        after Choudhury and Hahne, 1998).
        """
        return self.free >= (1 if nth == 1 else nth * self.spacing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How many tries at a time an endpoint has earned; `streak` counts fast successes in a row."""

    window: int = 1
    streak: int = 0

    @property
    def is_proven(self) -> bool:
        return self.streak >= PROVEN_AFTER


NEW: Final = Trust()


def after_success(trust: Trust, *, slow: bool, limit: int) -> Trust:
    """The trust in an endpoint that answered; `limit` is the widest window."""
    return Trust(window=min(trust.window + 1, limit), streak=0 if slow else trust.streak + 1)


def after_failure(trust: Trust, *, slow: bool) -> Trust:
    """The trust in an endpoint that failed: half the window if it failed at once, else that in a
    new one."""
    return NEW if slow else Trust(window=max(1, trust.window // 2))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an endpoint may have: `window` tries at a time; `turn` orders endpoints by their last
    claim."""

    window: int
    proven: bool
    turn: int


@dataclass(slots=True)
class _Running:
    endpoint_id: str
    pool: Pool
    slow: bool = False


class Slots:
    """The running tries of one deliverer, the pools that they are counted in, and the trust in
    endpoints."""

    def __init__(self, *, concurrency: int, per_endpoint: int) -> None:
        self._sizes = sizes(concurrency)
        self._limit = per_endpoint
        self._running: dict[int, _Running] = {}
        self._used = dict.fromkeys(Pool, 0)
        self._tries: dict[str, int] = {}  # by endpoint
        self._trust: dict[str, Trust] = {}
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._tick = 0
        self._fresh: dict[
            int, int
        ] = {}  # tries that aren't slow and haven't ended: when they began
        self._overdue: dict[int, None] = {}  # slow tries that wait for a slot in SLOW
        self._idle: set[str] = set()  # endpoints without a try since the last `forget_idle`

    @property
    def used(self) -> Mapping[Pool, int]:
        return self._used

    @property
    def running(self) -> dict[int, str]:
        """The running tries' endpoints, by delivery."""
        return {delivery_id: each.endpoint_id for delivery_id, each in self._running.items()}

    @property
    def in_probation(self) -> int:
        """How many endpoints were tried lately and aren't proven."""
        return sum(not self.trust(endpoint_id).is_proven for endpoint_id in self._turns)

    def trust(self, endpoint_id: str) -> Trust:
        return self._trust.get(endpoint_id, NEW)

    def openings(self) -> dict[Pool, Opening]:
        """The pools that claims fill."""
        return {pool: self._opening(pool) for pool in Pool if pool is not Pool.SLOW}

    def allowances(self) -> dict[str, Allowance]:
        """By endpoint that was tried lately; any other has NEW's."""
        return {
            endpoint_id: Allowance(trust.window, trust.is_proven, turn)
            for endpoint_id, turn in self._turns.items()
            for trust in (self.trust(endpoint_id),)
        }

    def begin(self, delivery_id: int, endpoint_id: str, *, failing: bool) -> None:
        """Count a try that was claimed."""
        if failing:
            self._trust.pop(endpoint_id, None)
        proven = self.trust(endpoint_id).is_proven
        pool = Pool.PROVEN if proven else Pool.PROBATION
        if failing:
            pool = Pool.FAILING
        self._running[delivery_id] = _Running(endpoint_id, pool)
        self._fresh[delivery_id] = self._tick
        self._used[pool] += 1
        self._tries[endpoint_id] = self._tries.get(endpoint_id, 0) + 1
        self._turn += 1
        self._turns[endpoint_id] = self._turn
        self._idle.discard(endpoint_id)

    def tick(self) -> bool:
        """Advance the clock; answers whether a try became slow."""
        self._tick += 1
        before = len(self._fresh)
        while self._fresh:
            delivery_id, began = next(iter(self._fresh.items()))
            if self._tick - began < SLOW_TICKS:
                break
            self._mark_slow(delivery_id)
        return len(self._fresh) < before

    def end(self, delivery_id: int, *, success: bool) -> None:
        """Carry the trust in the endpoint on. The slot stays taken until `release`."""
        self._fresh.pop(delivery_id, None)
        running = self._running[delivery_id]
        before = self.trust(running.endpoint_id)
        if success:
            after = after_success(before, slow=running.slow, limit=self._limit)
        else:
            after = after_failure(before, slow=running.slow)
        self._trust[running.endpoint_id] = after

    def release(self, delivery_id: int) -> None:
        """Free the slot of a try that ended and is recorded."""
        running = self._running.pop(delivery_id)
        self._fresh.pop(delivery_id, None)
        self._overdue.pop(delivery_id, None)
        self._used[running.pool] -= 1
        self._tries[running.endpoint_id] -= 1
        if not self._tries[running.endpoint_id]:
            del self._tries[running.endpoint_id]
        self._move_overdue()

    @property
    def is_binding(self) -> bool:
        """Whether a limit may have kept something due from being claimed."""
        openings = self.openings()
        if any(opening.free <= 0 for opening in openings.values()):
            return True
        return any(not self._may_have_more(each, openings) for each in self._tries)

    def forget_idle(self) -> None:
        """Forget the endpoints that had no try since this was called last: they begin anew."""
        for endpoint_id in self._idle - self._tries.keys():
            self._trust.pop(endpoint_id, None)
            self._turns.pop(endpoint_id, None)
        self._idle = set(self._turns)

    def _mark_slow(self, delivery_id: int) -> None:
        """Count a try that takes long among the slow ones as soon as there is room."""
        del self._fresh[delivery_id]
        running = self._running[delivery_id]
        running.slow = True
        self._trust[running.endpoint_id] = NEW
        if running.pool is not Pool.FAILING:
            self._overdue[delivery_id] = None
            self._move_overdue()

    def _opening(self, pool: Pool) -> Opening:
        size = self._sizes[pool]
        return Opening(size - self._used[pool], max(1, size // SPACINGS))

    def _may_have_more(self, endpoint_id: str, openings: Mapping[Pool, Opening]) -> bool:
        trust, tries = self.trust(endpoint_id), self._tries[endpoint_id]
        pool = Pool.PROVEN if trust.is_proven else Pool.PROBATION
        return tries < trust.window and openings[pool].admits(tries + 1)

    def _move_overdue(self) -> None:
        while self._overdue and self._used[Pool.SLOW] < self._sizes[Pool.SLOW]:
            delivery_id = next(iter(self._overdue))
            del self._overdue[delivery_id]
            running = self._running[delivery_id]
            self._used[running.pool] -= 1
            self._used[Pool.SLOW] += 1
            running.pool = Pool.SLOW
