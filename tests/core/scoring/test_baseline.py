"""A customer's habit is known from its first weeks on: steady use is steady at any age, and a fall
shows when young."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring import baseline
from tests.core.folded import CARD, PROGRAM, Fold, us
from tests.core.scoring.test_evaluate import fold, used

USE = PROGRAM.measures.index("feature_use")
DROP = CARD.flag_names.index("usage_drop")


def ratio(made: Fold, day: float) -> float:
    return float(baseline.ratio(made.view(us(day)), USE)[0])


@pytest.mark.parametrize("age", [10, 20, 40, 80, 200])
def test_steady_use_has_the_ratio_one_at_any_age(age: int) -> None:
    steady = fold(*used(*np.arange(0, age, 0.25).tolist()))
    assert ratio(steady, age) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("age", [30, 60, 365])
def test_a_fall_to_a_third_for_four_weeks_shows_at_any_age(age: int) -> None:
    before, after = np.arange(0, age, 0.25), np.arange(age, age + 28, 0.75)
    fallen = fold(*used(*before.tolist(), *after.tolist()))
    assert 0.4 < ratio(fallen, age + 28) < 0.8


def test_of_a_customer_of_days_no_habit_is_claimed() -> None:
    busy_first_day = fold(*used(*np.linspace(0, 0.5, 40).tolist(), 13.9))
    assert not busy_first_day.evaluate(us(13.9)).flags.holds[0, DROP]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 100, allow_nan=False, width=16), min_size=10, max_size=30),
    st.floats(0, 40, allow_nan=False),
    st.floats(0.001, 90, allow_nan=False),
)
def test_in_silence_the_ratio_only_falls_and_each_line_is_crossed_at_the_instant_told(
    days: list[float], later: float, quiet: float
) -> None:
    made, last = fold(*used(*days)), max(days)
    now = last + later
    standing_at = us(now)
    assert ratio(made, now + quiet) <= ratio(made, now) * (1 + 1e-12)
    standing = made.evaluate(us(now)).flags
    while np.isfinite(told := standing.change_us[0, DROP]):
        place = standing.place[0, DROP]
        assert told >= standing_at
        before, after = (made.evaluate(int(told) + step).flags for step in (-2, 2))
        assert before.place[0, DROP] == place or told - 2 < standing_at
        assert after.place[0, DROP] > place
        standing, standing_at = after, int(told) + 2
        if after.holds[0, DROP]:
            much_later = made.evaluate(int(told) + 30 * DAY_US).flags
            assert much_later.onset_us[0, DROP] == pytest.approx(told, abs=10)


def test_a_fall_in_the_second_month_is_seen_in_four_weeks() -> None:
    """By the levels alone, as they fill, it would be seen two weeks later."""
    made = fold(*used(*np.arange(0, 40, 0.5).tolist()))
    view = made.view(us(66))
    assert made.evaluate(us(66)).flags.holds[0, DROP]
    assert view.rate(USE, 0)[0] / view.rate(USE, len(CARD.half_lives_us) - 1)[0] > 0.8
