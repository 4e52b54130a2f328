"""The window of ids: exact against a plain set, in every order, over rotations, restarts and a tiny
budget."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.arrays import Digests, Hours
from healthsvc.core.folding.dedupe import (
    ID_BYTES,
    IdWindow,
    StoredBucket,
    hours_of,
    pack_bucket,
    pack_recent,
    unpack_bucket,
    unpack_recent,
)
from healthsvc.core.instants import HOUR_US, SECOND_US

WEEK_HOURS = 168
HOUR_0 = 490_000


class Table:
    """The window of one partition with its rows of the database, as an owner and a flush keep
    them."""

    def __init__(self, budget: int, generation: int) -> None:
        self.window = IdWindow()
        self.budget, self.generation = budget, generation
        self.recent: list[tuple[int, bytes]] = []
        self.buckets: dict[int, list[bytes]] = {}
        self.applied = 0
        self.peak = 0

    def take(self, hours: Hours, digests: Digests, now_us: int) -> np.ndarray:
        groups = self.window.missing(hours, self.budget)
        found = self.window.in_loaded_buckets(hours, digests) if groups else None
        for group in groups:
            self.window.make_room(group, self.budget)
            for hour in group:
                self.window.load(hour, unpack_bucket(b"".join(self.buckets[hour])))
            self.peak = max(self.peak, self.window.bytes)
            found |= self.window.in_loaded_buckets(hours, digests)
        new = self.window.take(hours, digests, now_us, found)
        self.applied += int(new.sum())
        if new.any():
            self.recent.append((self.applied, pack_recent(hours[new], digests[new])))
        if self.window.due(now_us, self.generation):
            self._rotate(now_us)
        self.window.shrink(self.budget)
        self.peak = max(self.peak, self.window.bytes)
        return new

    def _rotate(self, now_us: int) -> None:
        rotation = self.window.rotate(self.applied, now_us)
        if rotation is not None:
            self.recent = [(s, ids) for s, ids in self.recent if s > rotation.sequence]
            for hour, digests in rotation.buckets:
                self.buckets.setdefault(hour, []).append(pack_bucket(digests))

    def move(self, now_us: int) -> None:
        """Another owner takes the partition over: nothing but the rows remains."""
        self.window = IdWindow()
        self.window.know_stored(
            {h: StoredBucket(now_us, sum(map(len, b)) // 16) for h, b in self.buckets.items()}
        )
        for sequence, packed in self.recent:
            self.window.restore(sequence, now_us, *unpack_recent(packed))


def _digests(numbers: np.ndarray) -> Digests:
    """Well mixed, and different for different numbers."""
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.stack([mixed ^ (mixed >> np.uint64(29)), mixed], axis=1)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ids_are_new_once_whatever_the_batches_rotations_and_moves(data: st.DataObject) -> None:
    table = Table(
        budget=data.draw(st.sampled_from([0, 200, 10_000])),
        generation=data.draw(st.integers(1, 20)),
    )
    seen: set[tuple[int, int]] = set()
    for now in range(data.draw(st.integers(1, 12))):
        ids = data.draw(
            st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=30)
        )
        hours = np.array([h for h, _ in ids], np.int32)
        digests = np.array(
            [(h * 5 + n % 5, h * 100 + n) for h, n in ids], np.uint64
        )  # equal high halves abound
        new = table.take(hours, digests, now * SECOND_US)
        expected = []
        for pair in ids:
            expected.append(pair not in seen)
            seen.add(pair)
        assert new.tolist() == expected
        if data.draw(st.booleans()):
            table.move(now * SECOND_US)


def test_a_restamped_retry_is_known_while_its_generation_is_young() -> None:
    table = Table(budget=1 << 20, generation=1000)
    digests = _digests(np.arange(3))
    assert table.take(np.array([1, 1, 1], np.int32), digests, 0).all()
    assert not table.take(np.array([2, 2, 2], np.int32), digests, 1).any()


def test_hours_before_1970_and_packed_forms_come_back_as_they_were() -> None:
    hours = hours_of(np.array([-1, 0, HOUR_US - 1, HOUR_US]))
    assert hours.tolist() == [-1, 0, 0, 1]
    digests = _digests(np.arange(4))
    again_hours, again = unpack_recent(pack_recent(hours, digests))
    assert again_hours.tolist() == hours.tolist()
    assert np.array_equal(again, digests)
    assert np.array_equal(unpack_bucket(pack_bucket(digests)), digests)


def test_a_bucket_older_than_the_window_is_forgotten() -> None:
    window = IdWindow()
    window.know_stored({1: StoredBucket(10, 5), 2: StoredBucket(20, 5)})
    window.forget_before(15)
    assert window.missing(np.array([1, 2], np.int32), 1 << 20) == [[2]]


def test_groups_of_buckets_fit_into_the_budget() -> None:
    window = IdWindow()
    window.know_stored({h: StoredBucket(0, 100) for h in range(10)} | {10: StoredBucket(0, 1000)})
    groups = window.missing(np.arange(11, dtype=np.int32), budget=350 * ID_BYTES)
    assert groups == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9], [10]]


def _exact(ids: int, batch: int, budget: int, generation: int) -> Table:
    """So many ids over a week in order, then shuffled ones again, one in four of them new; the
    partition moves between."""
    table = Table(budget, generation)
    for start in range(0, ids, batch):
        numbers = np.arange(start, min(start + batch, ids))
        hours = (HOUR_0 + numbers * WEEK_HOURS // ids).astype(np.int32)
        assert table.take(hours, _digests(numbers), start).all()
    table.move(ids)
    chance = np.random.default_rng(1)
    backfill = min(ids, 40 * batch)
    fresh = np.arange(ids, ids + backfill // 4)
    numbers = chance.permutation(
        np.concatenate([chance.choice(ids, backfill - len(fresh), replace=False), fresh])
    )
    for part in np.array_split(numbers, max(1, backfill // batch)):
        hours = (HOUR_0 + part % ids * WEEK_HOURS // ids).astype(np.int32)
        assert np.array_equal(table.take(hours, _digests(part), ids), part >= ids)
    assert table.peak <= budget
    return table


def test_a_million_ids_and_a_shuffled_backfill_are_exact_within_the_budget() -> None:
    table = _exact(1_000_000, 50_000, budget=8 << 20, generation=100_000)
    assert len(table.buckets) == WEEK_HOURS


@pytest.mark.soak
def test_twenty_million_ids_and_a_shuffled_backfill_are_exact_within_the_budget() -> None:
    ids = int(os.environ.get("HEALTHSVC_SOAK_IDS", "20000000"))
    _exact(
        ids, 50_000, budget=64 << 20, generation=800_000
    )  # what four partitions have of the default 256 MiB
