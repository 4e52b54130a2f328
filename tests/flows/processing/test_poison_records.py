"""A record is a culprit if the folding breaks at it twice running; whatever else breaks costs no record."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np
import pytest

from healthsvc.flows.processing.owner import Owner
from healthsvc.flows.processing.poison_records import Culprits, Place, Unfoldable
from healthsvc.flows.processing.ports import Chunk

NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Folding:
    """In an owner's place: notes the positions of each fold, and breaks at `bad` ones and when told to."""

    def __init__(self, bad: int | None = None) -> None:
        self.bad, self.strikes = bad, 0
        self.calls: list[list[int]] = []
        self.left_out: Mapping[Place, str] = {}

    async def fold(
        self, source: str, topic: str, chunks: Sequence[Chunk], now: datetime, unfoldable: Mapping[Place, str]
    ) -> None:
        positions = [chunk.position(i) for chunk in chunks for i in range(len(chunk))]
        self.calls.append(positions)
        self.left_out = dict(unfoldable)
        if self.strikes:
            self.strikes -= 1
            raise RuntimeError("not the record's fault")
        if self.bad in positions and ("kafka", 0, self.bad) not in unfoldable:
            raise TypeError("the record's fault")


def chunk(first: int, count: int) -> Chunk:
    return Chunk(
        partition=0,
        values=[b"x"] * count,
        headers=None,
        first=first,
        next=first + count,
        positions=None,
        logged_us=np.zeros(count, np.int64),
    )


async def fold(culprits: Culprits, folding: Folding, first: int, count: int) -> None:
    await culprits.fold(cast("Owner", folding), "kafka", "topic", [chunk(first, count)], NOW)


async def test_the_record_that_breaks_it_each_time_is_left_out() -> None:
    culprits, folding = Culprits(), Folding(bad=3)
    for _ in range(3):
        with pytest.raises(Unfoldable):
            await fold(culprits, folding, 0, 5)
    await fold(culprits, folding, 0, 5)
    assert folding.left_out == {("kafka", 0, 3): "TypeError: the record's fault"}


async def test_what_strikes_here_and_there_costs_no_record() -> None:
    culprits, folding = Culprits(), Folding()
    for first in (0, 0, 2):
        folding.strikes = 1
        with pytest.raises(Unfoldable):
            await fold(culprits, folding, first, 5)
        await fold(culprits, folding, first, 2)  # what it struck is folded at the next try
    assert folding.left_out == {}


async def test_records_are_folded_one_by_one_no_longer_than_needed() -> None:
    culprits, folding = Culprits(), Folding()
    folding.strikes = 1
    with pytest.raises(Unfoldable):
        await fold(culprits, folding, 0, 3)
    folding.calls.clear()
    await fold(culprits, folding, 0, 2)
    await fold(culprits, folding, 2, 2)
    await fold(culprits, folding, 4, 3)
    assert folding.calls == [[0], [1], [2], [3], [4, 5, 6]]
