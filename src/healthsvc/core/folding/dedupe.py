"""Deduplication: the (customer, source, id) that were counted already, exact, compact, by the hour
of `occurred_at`.

A retry carries the same `occurred_at`, so an id is searched in its hour only. Senders that restamp
are caught for the length of the newest generations (`GENERATION_US` to twice that, or
`GENERATION_IDS` ids). Each id is in one place: in the generations first and, when they rotate, in
the bucket of its hour. Buckets are in the database; those in use are held in memory within a byte
budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Digests, Hours, Int64s, Mask
from healthsvc.core.instants import HOUR_US, SECOND_US

GENERATION_US: Final = 15 * 60 * SECOND_US
GENERATION_IDS: Final = 1_000_000
ID_BYTES: Final = 20
"""Of an id in memory."""
RECENT: Final = np.dtype([("hour", "<i4"), ("high", "<u8"), ("low", "<u8")])
"""A row of ids of `dedupe_recent`: 20 bytes an id."""
BUCKET: Final = np.dtype([("high", "<u8"), ("low", "<u8")])


def hours_of(occurred_us: Int64s) -> Hours:
    return np.floor_divide(occurred_us, HOUR_US).astype(np.int32)


def pack_recent(hours: Hours, digests: Digests) -> bytes:
    rows = np.empty(len(hours), RECENT)
    rows["hour"], rows["high"], rows["low"] = hours, digests[:, 0], digests[:, 1]
    return rows.tobytes()


def unpack_recent(content: bytes) -> tuple[Hours, Digests]:
    ids = np.frombuffer(content, RECENT)
    return ids["hour"].astype(np.int32), np.stack([ids["high"], ids["low"]], axis=1)


def pack_bucket(digests: Digests) -> bytes:
    return np.ascontiguousarray(digests).astype("<u8").tobytes()


def unpack_bucket(content: bytes) -> Digests:
    return np.frombuffer(content, "<u8").astype(np.uint64).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class _Run:
    """Ids in the order of their high half, with their hours."""

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    hour: Hours

    def knows(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Mask:
        """Which of the ids (`high` ascending) are here. Equal high halves stand beside each other
        and are all looked at."""
        at = np.searchsorted(self.high, high)
        is_known = np.zeros(len(high), bool)
        last = len(self.high) - 1
        while True:
            inside = np.minimum(at, last)
            same = (at <= last) & (self.high[inside] == high) & ~is_known
            if not same.any():
                return is_known
            is_known |= same & (self.low[inside] == low)
            at = at + 1


class IdSet:
    """A growing set of digests: sorted runs, merged when the last is at least half of the one
    before it."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return sum(len(r.high) for r in self._runs)

    @property
    def bytes(self) -> int:
        return ID_BYTES * len(self)

    def knows(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Mask:
        """Which of the ids are in the set; `high` must ascend."""
        is_known = np.zeros(len(high), bool)
        for run in self._runs:
            is_known |= run.knows(high, low)
        return is_known

    def add(self, high: NDArray[np.uint64], low: NDArray[np.uint64], hour: Hours) -> None:
        """Add ids that aren't in it; `high` must ascend."""
        if len(high):
            self._runs.append(_Run(high, low, hour))
            while len(self._runs) > 1 and 2 * len(self._runs[-1].high) >= len(self._runs[-2].high):
                self._runs[-2:] = [_merge(*self._runs[-2:])]

    def by_hour(self) -> list[tuple[int, Digests]]:
        """All ids, hour by hour, each hour's ascending by high half."""
        if not self._runs:
            return []
        hour = np.concatenate([r.hour for r in self._runs])
        high = np.concatenate([r.high for r in self._runs])
        low = np.concatenate([r.low for r in self._runs])
        order = np.lexsort((high, hour))
        hour, digests = hour[order], np.stack([high[order], low[order]], axis=1)
        starts = np.flatnonzero(np.append(True, hour[1:] != hour[:-1]))
        return [
            (int(hour[s]), part)
            for s, part in zip(starts.tolist(), np.split(digests, starts[1:]), strict=True)
        ]


def _merge(a: _Run, b: _Run) -> _Run:
    high = np.concatenate([a.high, b.high])
    order = np.argsort(high, kind="stable")
    return _Run(
        high[order], np.concatenate([a.low, b.low])[order], np.concatenate([a.hour, b.hour])[order]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The older generation leaves the recent ids: its rows up to `sequence` are replaced by the
    buckets."""

    sequence: int
    buckets: list[tuple[int, Digests]]
    newest_us: int


@dataclass(frozen=True, slots=True)
class StoredBucket:
    """A bucket in the database: the newest instant at which an id was logged in it, and how many
    there are."""

    newest_us: int
    ids: int


class IdWindow:
    """The ids of one partition. Methods are called in the order: `missing` → (`load`s → `found`)s →
    `take`; `rotate` at a flush.

    Buckets needn't all be in memory at once: what `found` said of some hours is handed to `take`.
    """

    def __init__(self) -> None:
        self._young, self._old = IdSet(), IdSet()
        self._since_us = 0
        self._old_sequence = self._young_sequence = 0
        self._old_newest_us = 0
        self._bucket_facts: dict[int, StoredBucket] = {}
        self._buckets: dict[int, IdSet] = {}

    @property
    def bytes(self) -> int:
        return self._young.bytes + self._old.bytes + sum(s.bytes for s in self._buckets.values())

    def know_stored(self, hours: Mapping[int, StoredBucket]) -> None:
        """Which hours have buckets in the database."""
        self._bucket_facts.update(hours)

    def restore(self, sequence: int, logged_us: int, hours: Hours, digests: Digests) -> None:
        """Take a row of the recent ids after a change of owner; rows come in the order of
        `sequence`."""
        self._begin(logged_us)
        self._add(hours, digests)
        self._young_sequence = sequence

    def missing(self, hours: Hours, budget: int) -> list[list[int]]:
        """The hours whose buckets must be loaded before ids of these hours can be judged, in
        groups.

        A group fits into the budget beside the generations; a bucket that doesn't is a group of its
        own.
        """
        groups: list[list[int]] = []
        room = left = max(0, budget - self._young.bytes - self._old.bytes)
        for hour in sorted(
            h for h in set(hours.tolist()) if h in self._bucket_facts and h not in self._buckets
        ):
            size = ID_BYTES * self._bucket_facts[hour].ids
            if not groups or size > left:
                groups.append([])
                left = room
            groups[-1].append(hour)
            left -= size
        return groups

    def in_loaded_buckets(self, hours: Hours, digests: Digests) -> Mask:
        """Which ids stand in the buckets that are in memory now."""
        order = np.argsort(digests[:, 0], kind="stable")
        in_buckets = np.empty(len(order), bool)
        in_buckets[order] = self._in_buckets(digests[order, 0], digests[order, 1], hours[order])
        return in_buckets

    def make_room(self, group: Sequence[int], budget: int) -> None:
        """Let go of as many buckets as this group needs."""
        self.shrink(budget - ID_BYTES * sum(self._bucket_facts[h].ids for h in group))

    def load(self, hour: int, digests: Digests) -> None:
        bucket = IdSet()
        order = np.argsort(digests[:, 0], kind="stable")
        bucket.add(digests[order, 0], digests[order, 1], np.full(len(digests), hour, np.int32))
        self._buckets[hour] = bucket

    def take(
        self, hours: Hours, digests: Digests, now_us: int, in_buckets: Mask | None = None
    ) -> Mask:
        """Which events are new; the first of equal ones is, and is remembered. `found`: those known
        from buckets already."""
        self._begin(now_us)
        order = np.argsort(digests[:, 0], kind="stable")
        high, low, hour = digests[order, 0], digests[order, 1], hours[order]
        known = _repeats(high, low) | self._young.knows(high, low) | self._old.knows(high, low)
        known |= self._in_buckets(high, low, hour) if in_buckets is None else in_buckets[order]
        fresh = ~known
        self._young.add(high[fresh], low[fresh], hour[fresh])
        new = np.empty(len(order), bool)
        new[order] = fresh
        return new

    def due(self, now_us: int, most: int = GENERATION_IDS) -> bool:
        """Whether the generations should rotate at this flush: the young one is old, or has as many
        ids as it may."""
        return len(self._young) >= most or (
            len(self._young) > 0 and now_us - self._since_us >= GENERATION_US
        )

    def rotate(self, sequence: int, now_us: int) -> Rotation | None:
        """The young become the old, the old become buckets; `sequence` is that of the flush. None:
        no old ones."""
        buckets = self._old.by_hour()
        rotation = (
            Rotation(sequence=self._old_sequence, buckets=buckets, newest_us=self._old_newest_us)
            if buckets
            else None
        )
        for hour, digests in buckets:
            if hour in self._buckets:
                self._buckets[hour].add(
                    digests[:, 0], digests[:, 1], np.full(len(digests), hour, np.int32)
                )
            elif hour not in self._bucket_facts:
                self.load(hour, digests)
            before = self._bucket_facts.get(hour, StoredBucket(0, 0))
            newest = max(before.newest_us, self._old_newest_us)
            self._bucket_facts[hour] = StoredBucket(newest, before.ids + len(digests))
        self._old, self._old_sequence, self._old_newest_us = self._young, sequence, now_us
        self._young, self._since_us = IdSet(), now_us
        return rotation

    def forget_before(self, logged_us: int) -> None:
        """Drop hours whose newest id was logged before this instant: the end of the window."""
        for hour in [h for h, bucket in self._bucket_facts.items() if bucket.newest_us < logged_us]:
            del self._bucket_facts[hour]
            self._buckets.pop(hour, None)

    def shrink(self, budget: int) -> None:
        """Let go of loaded buckets, the longest loaded first, until the window fits into so many
        bytes."""
        size = self.bytes
        for hour in list(self._buckets):
            if size <= budget:
                return
            size -= self._buckets.pop(hour).bytes

    def _begin(self, now_us: int) -> None:
        if not len(self._young):
            self._since_us = now_us

    def _add(self, hours: Hours, digests: Digests) -> None:
        order = np.argsort(digests[:, 0], kind="stable")
        self._young.add(digests[order, 0], digests[order, 1], hours[order])

    def _in_buckets(self, high: NDArray[np.uint64], low: NDArray[np.uint64], hour: Hours) -> Mask:
        is_known = np.zeros(len(high), bool)
        if not self._buckets:
            return is_known
        order = np.argsort(hour, kind="stable")
        sorted_hours = hour[order]
        starts = np.flatnonzero(np.append(True, sorted_hours[1:] != sorted_hours[:-1]))
        for members in np.split(order, starts[1:]):
            bucket = self._buckets.get(int(hour[members[0]]))
            if bucket is not None:
                is_known[members] = bucket.knows(high[members], low[members])
        return is_known


def _repeats(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Mask:
    """Which ids stand earlier in the same batch; `high` ascends, equal ones in the order of the
    log."""
    is_repeat = np.zeros(len(high), bool)
    same = np.flatnonzero(high[1:] == high[:-1]) + 1
    for i in same.tolist():
        back = i - 1
        while back >= 0 and high[back] == high[i]:
            if low[back] == low[i]:
                is_repeat[i] = True
                break
            back -= 1
    return is_repeat
