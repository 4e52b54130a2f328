"""Presence is a set of days: it depends on no order and no batches, and its usual gap is what a plain
count of the gaps says."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.folding import facts as fact
from healthsvc.core.folding import presence
from healthsvc.core.folding.presence import BLOCK, BLOCKS, CELL_DAYS, CELL_US, PAUSE_CELLS
from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.rhythm import Rhythm

RHYTHM = Rhythm(measure="activity")
DAYS = st.lists(st.integers(19_000, 20_400), min_size=1, max_size=60)


def folded(batches: list[list[int]], rows: int = 1) -> np.ndarray:
    """The facts of customers who were present on these days."""
    facts = np.tile(fact.DEFAULTS, (rows, 1))
    newest = np.zeros(rows)
    for batch in batches:
        for_each = np.arange(len(batch)) % rows
        occurred = np.array(batch, np.int64) * DAY_US + 5
        presence.fold(facts, RHYTHM, for_each, occurred, newest[for_each])
        np.maximum.at(newest, for_each, occurred.astype(float))
    return facts


def counted(days: list[int]) -> tuple[float, float, float]:
    """The usual gap, the mean of its kind and the end of the newest pause, by hand."""
    cells = sorted({day // CELL_DAYS for day in days})
    cells = [cell for cell in cells if cell // BLOCK > cells[-1] // BLOCK - BLOCKS]
    gaps = [b - a for a, b in pairwise(cells)]
    pauses = [b for a, b in pairwise(cells) if b - a >= PAUSE_CELLS]
    back = float(max(pauses, default=0) * CELL_US)
    needed = max(RHYTHM.share * sum(gaps), RHYTHM.min_filled_us / CELL_US)
    for usual in sorted(set(gaps), reverse=True):
        as_long = [gap for gap in gaps if gap >= usual]
        is_known = len(gaps) >= RHYTHM.min_gaps and len(as_long) >= RHYTHM.repeats
        if is_known and sum(as_long) >= needed:
            near = [gap for gap in gaps if usual - 1 <= gap <= usual]
            kind = [gap for gap in gaps if 3 * gap >= usual]
            return in_eighths(near), in_eighths(kind), back
    return 0.0, 0.0, back


def in_eighths(gaps: list[int]) -> float:
    """The mean in days, to an eighth."""
    return float(np.floor(CELL_DAYS * 8 * (sum(gaps) / len(gaps)) + 0.5)) / 8


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_usual_gap_and_the_last_pause_are_those_of_the_days_in_any_order_and_batches(
    data: st.DataObject,
) -> None:
    period = data.draw(st.integers(1, 100))
    start, count = data.draw(st.integers(19_000, 19_400)), data.draw(st.integers(1, 90))
    days = [start + i * period for i in range(count)] + data.draw(DAYS)
    shuffled = data.draw(st.permutations(days))
    cut = data.draw(st.integers(0, len(days)))

    facts = folded([part for part in (shuffled[:cut], shuffled[cut:]) if part])

    usual, mean, back = counted(days)
    summary = facts[:, fact.PRESENCE]
    assert presence.usual_gap_days(summary).tolist() == [usual]
    assert presence.mean_gap_days(summary).tolist() == [mean]
    assert presence.returned_us(summary).tolist() == [back]
    assert np.array_equal(facts, folded([days]), equal_nan=True)


@settings(max_examples=30, deadline=None)
@given(DAYS, DAYS)
def test_a_customer_among_others_has_the_presence_that_it_has_alone(
    one: list[int], other: list[int]
) -> None:
    both = [day for pair in zip(one, other, strict=False) for day in pair]

    together = folded([both], rows=2)

    assert np.array_equal(together[0], folded([both[::2]])[0], equal_nan=True)
    assert np.array_equal(together[1], folded([both[1::2]])[0], equal_nan=True)
