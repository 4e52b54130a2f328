"""Forward decay: a level is the sum of 2^(-age / half-life), whatever the order, and the landmark
doesn't show."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import LANDMARK_US, decayed, merge_three, top_three, weights

HALF_LIFE_US = 14 * DAY_US
TIMES = st.lists(
    st.integers(LANDMARK_US - 2000 * DAY_US, LANDMARK_US + 2000 * DAY_US), min_size=1, max_size=30
)
often = settings(max_examples=60, deadline=None)


def _level(times: np.ndarray, now: int, landmark: int = LANDMARK_US) -> float:
    total = np.zeros(1)
    np.add.at(total, np.zeros(len(times), np.int64), weights(times, HALF_LIFE_US, landmark))
    return float(decayed(total, np.array([now]), HALF_LIFE_US, landmark)[0])


@often
@given(TIMES)
def test_a_level_is_the_sum_of_its_events_each_halved_per_half_life(times: list[int]) -> None:
    now = max(times)
    expected = sum(2.0 ** (-(now - t) / HALF_LIFE_US) for t in times)
    assert abs(_level(np.array(times), now) - expected) <= 1e-12 * expected


@often
@given(TIMES, st.integers(-50, 50))
def test_another_landmark_whole_half_lives_away_gives_the_same_bits(
    times: list[int], steps: int
) -> None:
    moved = LANDMARK_US + steps * HALF_LIFE_US
    assert _level(np.array(times), max(times)) == _level(np.array(times), max(times), moved)


@often
@given(TIMES)
def test_a_weight_computed_alone_has_the_bits_it_has_among_many(times: list[int]) -> None:
    together = weights(np.array(times), HALF_LIFE_US)
    assert together.tolist() == [weights(np.array([t]), HALF_LIFE_US)[0] for t in times]


def test_events_of_all_decades_keep_a_finite_level() -> None:
    for years in (-60, -9, 0, 8):
        at = LANDMARK_US + years * 365 * DAY_US
        assert 0 <= _level(np.array([at]), at) <= 1
        assert np.isfinite(weights(np.array([at]), 3 * DAY_US)).all()


@often
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 60)), min_size=1, max_size=40),
    st.sampled_from([1, 1 << 41]),
)
def test_the_newest_three_of_each_cell_are_found_in_any_order(
    pairs: list[tuple[int, int]], scale: int
) -> None:
    cells, times = (
        np.array([c for c, _ in pairs]),
        np.array([t for _, t in pairs], np.int64) * scale,
    )
    met, newest = top_three(cells, times)
    for cell, found in zip(met.tolist(), newest.tolist(), strict=True):
        mine = sorted(
            (t for c, t in zip(cells.tolist(), times.tolist(), strict=True) if c == cell),
            reverse=True,
        )
        assert found == ([*mine, 0, 0, 0])[:3]
    assert met.tolist() == sorted({c for c, _ in pairs})


@often
@given(st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_two_triples_merge_into_the_newest_three(values: list[int]) -> None:
    a, b = sorted(values[:3], reverse=True), sorted(values[3:], reverse=True)
    merged = merge_three(np.array([a], float), np.array([b], float))
    assert merged[0].tolist() == sorted(values, reverse=True)[:3]
