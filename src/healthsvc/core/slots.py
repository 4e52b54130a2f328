"""Shares the slots for webhook tries among endpoints: those that hang leave slots to those that answer.

An endpoint starts on probation with one try at a time. Each fast success widens its window by one, and
PROVEN_AFTER of them in a row make it proven. A try that takes longer than SLOW_SECONDS closes the window
to one and ends the proof. Each pool of slots is separate, so endpoints on probation never take a proven
one's slot; within a pool, an endpoint's second and further tries need several free slots each
(`admits`), so endpoints that begin to hang together can't fill it.

Pure: no clock; who calls says which tries were slow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from healthsvc.core.delivery import Abort, Delivered, DisableEndpoint, Outcome, Verdict

SLOW_SECONDS: Final = 1.0
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
    """A pool's free slots, and how many of them each of an endpoint's tries asks for (see `admits`)."""

    free: int
    spacing: int

    def admits(self, nth: int) -> bool:
        """Whether an endpoint's `nth` try at a time may begin.

        The first needs one free slot, others `nth * spacing`: the fewer slots are free, the fewer an
        endpoint may hold, and the last ones go to endpoints that have none (dynamic thresholds after
        Choudhury and Hahne, 1998).
        """
        return self.free >= (1 if nth == 1 else nth * self.spacing)


class Result(StrEnum):
    """What a try that ended says of its endpoint's speed."""

    TAKEN = "taken"  # in time or not, the endpoint took the message or turned it away for good
    REFUSED = "refused"  # it failed at once
    LATE = "late"  # it failed slowly


def result_of(outcome: Outcome, verdict: Verdict) -> Result:
    """What an outcome and its verdict say of the endpoint's speed."""
    if isinstance(verdict, Delivered | Abort | DisableEndpoint):
        return Result.TAKEN
    return Result.LATE if outcome.seconds > SLOW_SECONDS else Result.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How many tries at a time an endpoint has earned; `streak` counts fast successes in a row."""

    window: int = 1
    streak: int = 0

    @property
    def is_proven(self) -> bool:
        return self.streak >= PROVEN_AFTER


NEW: Final = Trust()


def when_ended(trust: Trust, result: Result, *, slow: bool, limit: int) -> Trust:
    """The trust in an endpoint after a try; `limit` is the widest window."""
    match result:
        case Result.TAKEN:
            return Trust(window=min(trust.window + 1, limit), streak=0 if slow else trust.streak + 1)
        case Result.REFUSED:
            return Trust(window=max(1, trust.window // 2))
        case Result.LATE:
            return NEW
        case _:
            assert_never(result)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an endpoint may have: `window` tries at a time; `turn` orders endpoints by their last claim."""

    window: int
    proven: bool
    turn: int


@dataclass(slots=True)
class _Running:
    endpoint_id: str
    pool: Pool
    slow: bool = False


class Slots:
    """The running tries of one deliverer, the pools that they are counted in, and the trust in endpoints."""

    def __init__(self, *, concurrency: int, per_endpoint: int) -> None:
        self._sizes = sizes(concurrency)
        self._limit = per_endpoint
        self._running: dict[int, _Running] = {}
        self._used = dict.fromkeys(Pool, 0)
        self._tries: dict[str, int] = {}  # by endpoint
        self._trust: dict[str, Trust] = {}
        self._turns: dict[str, int] = {}
        self._turn = 0
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
        pool = Pool.FAILING if failing else Pool.PROVEN if proven else Pool.PROBATION
        self._running[delivery_id] = _Running(endpoint_id, pool)
        self._used[pool] += 1
        self._tries[endpoint_id] = self._tries.get(endpoint_id, 0) + 1
        self._turn += 1
        self._turns[endpoint_id] = self._turn
        self._idle.discard(endpoint_id)

    def mark_slow(self, delivery_id: int) -> None:
        """Count a try that takes long among the slow ones as soon as there is room."""
        running = self._running[delivery_id]
        running.slow = True
        self._trust[running.endpoint_id] = NEW
        if running.pool is not Pool.FAILING:
            self._overdue[delivery_id] = None
            self._move_overdue()

    def end(self, delivery_id: int, result: Result) -> None:
        """Carry the trust in the endpoint on. The slot stays taken until `release`."""
        running = self._running[delivery_id]
        before = self.trust(running.endpoint_id)
        after = when_ended(before, result, slow=running.slow, limit=self._limit)
        self._trust[running.endpoint_id] = after

    def release(self, delivery_id: int) -> None:
        """Free the slot of a try that ended and is recorded."""
        running = self._running.pop(delivery_id)
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
