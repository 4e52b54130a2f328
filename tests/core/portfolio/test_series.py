"""The portfolio step by step agrees with the figures of each step, and knows bands as decided."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.instants import DAY_US
from healthsvc.core.portfolio.entries import TEST, TRIAL, Accounts
from healthsvc.core.portfolio.measures import figures, sums
from healthsvc.core.portfolio.series import (
    NO_BAND,
    DecidedHealth,
    SeriesInput,
    SeriesSums,
    Step,
    instants,
    series,
)
from tests.core.portfolio.test_measures import TOLD, Told, entries, leaves, pays

DAYS = (10, 40, 90, 130, 180)
HEALTHY, CRITICAL = 0, 3
NAN = float("nan")


def stepped(
    told: Sequence[Sequence[Told]],
    health: DecidedHealth | None = None,
    marks: Sequence[int] | None = None,
    group: Sequence[int] | None = None,
) -> SeriesSums:
    """The series of customers whose first event is their first entry, in two groups at most."""
    points = (len(told), len(DAYS))
    begun = [min((round(t[0] * DAY_US) for t in each), default=0) for each in told]
    of = SeriesInput(
        accounts=Accounts(
            np.array(group or [0] * len(told), np.int64),
            np.array(begun, np.int64),
            None if marks is None else np.array(marks, np.int64),
        ),
        entries=entries(told),
        health=health or DecidedHealth(np.full(points, NO_BAND), np.full(points, np.nan)),
        at_us=np.array([day * DAY_US for day in DAYS], np.int64),
        low=np.array([False, False, True, True]),
    )
    return series(of, 2)


@settings(max_examples=40, deadline=None)
@given(st.lists(TOLD, min_size=1, max_size=4))
def test_a_step_says_what_the_figures_of_its_period_say(told: list[list[Told]]) -> None:
    steps = stepped(told)

    begun = [min((round(t[0] * DAY_US) for t in each), default=0) for each in told]
    accounts = Accounts(np.zeros(len(told), np.int64), np.array(begun, np.int64))
    for place, (start, end) in enumerate(pairwise(DAYS)):
        span = (start * DAY_US, end * DAY_US)
        known = entries([[t for t in each if t[0] * DAY_US < DAYS[-1] * DAY_US] for each in told])
        of = figures(sums(accounts, known, np.zeros(len(told)), 1, *span))
        assert steps.customers[place + 1].sum() == of["customers_at_end"]
        assert steps.lost[place].sum() == of["lost"]
        assert steps.mrr[place + 1].sum() == pytest.approx(of["mrr_at_end"])


def test_who_comes_and_goes_is_counted_in_its_step_with_what_it_paid() -> None:
    steps = stepped([[pays(5, 100), leaves(50)], [pays(95, 30)]])

    assert steps.customers.sum(axis=1).tolist() == [1, 1, 0, 1, 1]
    assert steps.gained.sum(axis=1).tolist() == [0, 0, 1, 0]
    assert steps.lost.sum(axis=1).tolist() == [0, 1, 0, 0]
    assert steps.mrr_lost.sum(axis=1).tolist() == [0, 100, 0, 0]
    assert steps.mrr.sum(axis=1).tolist() == [100, 100, 0, 30, 30]


def test_revenue_is_at_risk_while_its_customer_is_in_the_lower_half_of_the_bands() -> None:
    band = np.array([[NO_BAND, HEALTHY, CRITICAL, CRITICAL, HEALTHY], [CRITICAL] * 5])
    score = np.array([[NAN, 90.0, 20.0, 20.0, 80.0], [10.0] * 5])

    steps = stepped([[pays(5, 100)], [pays(95, 30)]], DecidedHealth(band, score), group=[0, 1])

    assert steps.mrr_at_risk.tolist() == [[0, 0], [0, 0], [100, 0], [100, 30], [0, 30]]
    assert steps.in_band[:, 0, HEALTHY].tolist() == [0, 1, 0, 0, 1]
    assert steps.in_band[:, 1, CRITICAL].tolist() == [0, 0, 0, 1, 1]
    assert steps.scored.sum(axis=1).tolist() == [0, 1, 1, 2, 2]
    assert steps.scores.sum(axis=1).tolist() == [0, 90, 20, 30, 90]


def test_trials_that_pay_nothing_and_test_accounts_do_not_count() -> None:
    told = [[pays(5, 0)], [pays(5, 70)], [pays(5, 50)]]

    steps = stepped(told, marks=[TRIAL, TEST, TRIAL])

    assert steps.customers.sum(axis=1).tolist() == [1] * 5
    assert steps.mrr.sum(axis=1).tolist() == [50] * 5


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("day", ["01-30T15", "01-31T00", "02-01T00", "02-02T00", "02-02T08"]),
        ("week", ["01-30T15", "02-02T00", "02-02T08"]),
        ("month", ["01-30T15", "02-01T00", "02-02T08"]),
    ],
)
def test_steps_end_where_days_weeks_and_months_do(step: Step, expected: list[str]) -> None:
    start, end = datetime(2026, 1, 30, 15, tzinfo=UTC), datetime(2026, 2, 2, 8, tzinfo=UTC)

    assert [f"{each:%m-%dT%H}" for each in instants(start, end, step)] == expected


def test_a_period_that_ends_on_a_border_has_no_empty_step() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)

    borders = instants(start, end, "month")

    assert borders == [start, datetime(2026, 2, 1, tzinfo=UTC), end]
