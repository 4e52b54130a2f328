"""Risk steps are measured from the average customer of the first date."""

import numpy as np

from healthsvc.core.fit.figures import ObservedRows
from healthsvc.core.fit.steps import STEPS, average, over_steps, step_of
from healthsvc.core.instants import DAY_US


def test_a_step_says_how_the_odds_compare_with_the_average() -> None:
    risk = np.array([0.05, 0.1, 0.15, 0.25, 0.9, 0.0, 1.0])

    assert step_of(risk, 0.1).tolist() == [0, 0, 1, 2, 3, 0, 3]


def test_shares_moves_and_flips_are_counted_from_date_to_date() -> None:
    rows = ObservedRows(
        y=np.array([0.0, 1.0, 0.0, 1.0]),
        obs_us=np.array([0, 0, 7, 7]) * DAY_US,
        customer=np.array([0, 1, 0, 1]),
        churn_us=np.full(4, -1),
    )
    risk = np.array([0.1, 0.1, 0.05, 0.8])

    found = over_steps(rows, risk, average(rows, risk))

    assert found["shares"] == {
        "below_average": 0.75,
        "up_to_twice": 0.0,
        "up_to_four_times": 0.0,
        "beyond": 0.25,
    }
    assert found["churned"]["beyond"] == 1.0
    assert found["moves"] == [{"from": STEPS[0], "to": STEPS[3], "customers": 1}]
    assert found["flips_per_customer_and_date"] == 0.5
    assert found["entering_beyond_per_csm_and_week"] == 1.0
