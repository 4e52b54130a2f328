"""Bands over the past are counted as one would by hand."""

import numpy as np
import pytest

from healthsvc.core.fit.bands import (
    ABSENT,
    LEFT,
    UNSCORED,
    BandDisagreement,
    BandTally,
    Course,
    Flips,
    RedOutcomes,
)
from healthsvc.core.instants import DAY_US

DATES = np.array([0, 7, 14]) * DAY_US
HEALTHY, WATCH, CRITICAL = range(3)
BANDS = ("healthy", "watch", "critical")


def course(
    *bands: list[int], alerts: list[list[int]] | None = None, flips: list[int] | None = None
) -> Course:
    """Customers by their bands at the dates; a score of 90, 60 or 20 goes with a band."""
    band = np.array(bands, np.int8)
    scores = np.array([90.0, 60.0, 20.0, np.nan, np.nan, np.nan])
    return Course(
        band=band,
        score=scores[band],
        leaving=band == LEFT,
        alerts=np.zeros(band.shape, np.int64) if alerts is None else np.array(alerts),
        flips=np.zeros(len(band), np.int64) if flips is None else np.array(flips),
    )


def test_shares_are_of_those_who_were_known_and_had_not_left() -> None:
    tally = BandTally(BANDS, DATES)
    tally.add(
        course([ABSENT, HEALTHY, HEALTHY], [WATCH, CRITICAL, LEFT], alerts=[[0, 0, 0], [0, 2, 0]])
    )
    tally.add(course([UNSCORED, UNSCORED, WATCH], flips=[1]))

    found = tally.summary()

    first, _, last = found["by_date"]
    assert (first["customers"], first["left"], last["customers"], last["left"]) == (2, 0, 2, 1)
    assert first["shares"] == {
        "not_enough_evidence": 0.5,
        "healthy": 0.0,
        "watch": 0.5,
        "critical": 0.0,
    }
    assert found["shares_on_the_last_date"] == {
        "not_enough_evidence": 0.0, "healthy": 0.5, "watch": 0.5, "critical": 0.0,
    }  # fmt: skip
    assert found["mean_score"] == pytest.approx((90 + 90 + 60 + 20 + 60) / 5)
    assert {(m["from"], m["to"]): m["customers"] for m in found["moves"]} == {
        ("not_yet_known", "healthy"): 1,
        ("watch", "critical"): 1,
        ("critical", "left"): 1,
        ("not_enough_evidence", "watch"): 1,
    }
    assert found["alerts_per_week"] == 1.0
    customer_days = 7 + 14 + 14
    assert found["flips_per_100_customers_and_quarter"] == pytest.approx(
        100 * 1 / (customer_days / (365.25 / 4))
    )


def test_a_flip_is_a_change_that_takes_the_one_before_back_within_four_weeks() -> None:
    flips = Flips(4, since_us=5 * DAY_US)
    everyone = np.arange(4)

    def go(rows: list[int], before: int, after: int, day: int) -> None:
        flips.record(
            everyone[rows], np.full(len(rows), before), np.full(len(rows), after), day * DAY_US
        )

    go([0, 1, 2], HEALTHY, WATCH, 1)
    go([3], HEALTHY, WATCH, 2)
    go([3], WATCH, HEALTHY, 4)  # there and back before counting begins
    go([0], WATCH, HEALTHY, 29)  # back after four weeks
    go([1], WATCH, HEALTHY, 30)  # back, too late
    go([2], WATCH, CRITICAL, 10)  # on, not back
    go([2], CRITICAL, WATCH, 12)  # back
    go([2], WATCH, CRITICAL, 14)  # and back again

    assert flips.count.tolist() == [1, 0, 2, 0]


def test_two_scorecards_are_apart_where_their_bands_have_other_names() -> None:
    one = course([HEALTHY, HEALTHY, HEALTHY], [WATCH, WATCH, CRITICAL], [UNSCORED, WATCH, LEFT])
    other = course([0, 0, 1], [1, 1, 1], [UNSCORED, 0, LEFT])
    apart = BandDisagreement(BANDS, ("healthy", "critical"))

    apart.add(one, other)

    found = apart.summary()
    assert (found["rows"], found["disagree"]) == (
        8,
        4 / 8,
    )  # watch has no namesake; nobody counts who has left
    assert found["changed_on_the_last_date"] == 1
    assert found["on_the_last_date"] == [
        {"live": "healthy", "scorecard": "critical", "customers": 1},
        {"live": "critical", "scorecard": "critical", "customers": 1},
    ]


def test_what_red_foretold_is_counted_on_the_dates_whose_horizon_is_over() -> None:
    foretold = RedOutcomes(DATES, 7 * DAY_US, 14 * DAY_US, {"critical": CRITICAL})
    leaves = 13 * DAY_US
    churn = np.array([[leaves, leaves, -1], [-1, -1, -1], [-1, -1, -1]])

    foretold.add(
        course(
            [CRITICAL, CRITICAL, LEFT], [CRITICAL, HEALTHY, HEALTHY], [HEALTHY, WATCH, CRITICAL]
        ),
        churn,
    )

    found = foretold.summary()
    assert found is not None
    assert (found["rows"], found["base_rate"]) == (6, 1 / 6)  # the third date's horizon isn't over
    (red,) = found["red"]
    assert (red["rows"], red["precision"], red["recall"]) == (3, 1 / 3, 1.0)
    assert red["lift"] == pytest.approx(2.0)
    assert (red["churners_told"], red["caught"], red["lead_days_median"]) == (1, 1.0, 13.0)
    assert (red["caught_14_days_ahead"], red["caught_30_days_ahead"]) == (0.0, 0.0)


def test_without_anybody_who_left_nothing_was_foretold() -> None:
    foretold = RedOutcomes(DATES, 7 * DAY_US, 14 * DAY_US, {"critical": CRITICAL})

    foretold.add(course([CRITICAL, CRITICAL, CRITICAL]), np.full((1, 3), -1))

    assert foretold.summary() is None
