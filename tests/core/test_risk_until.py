import pytest

from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.until import risk_until

HORIZON = 28 * DAY_US


@pytest.mark.parametrize(("days", "expected"), [(0, 0.0), (28, 0.2), (56, 0.36), (14, 0.105573)])
def test_the_chance_by_a_date_goes_on_at_the_rate_of_the_horizon(days, expected):
    chance = risk_until(0.2, "churn_probability", HORIZON, 0, days * DAY_US)
    assert chance == pytest.approx(expected, abs=1e-6)


def test_who_leaves_for_certain_leaves_by_any_later_date():
    assert risk_until(1.0, "churn_probability", HORIZON, 0, DAY_US) == 1.0


@pytest.mark.parametrize(
    ("risk", "kind", "date_us"),
    [
        (None, "churn_probability", DAY_US),
        (0.2, "ranking", DAY_US),
        (0.2, "probability_of_silence", DAY_US),
        (0.2, None, DAY_US),
        (0.2, "churn_probability", -1),
    ],
)
def test_without_a_probability_of_churn_or_after_the_date_there_is_no_chance(risk, kind, date_us):
    assert risk_until(risk, kind, HORIZON, 0, date_us) is None
