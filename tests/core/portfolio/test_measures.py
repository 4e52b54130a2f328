"""The portfolio's measures, each by hand: two quarters of a few customers, worked out on paper
beside the rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.instants import DAY_US
from healthsvc.core.portfolio.entries import (
    ANSWERED,
    CANCELLED,
    CES,
    CHANGED,
    CSAT,
    NPS,
    OPENED,
    PROFILE,
    RENEWED,
    RESOLVED,
    TEST,
    TRIAL,
    WITHDRAWN,
    Accounts,
    Entries,
)
from healthsvc.core.portfolio.measures import Figures, Sums, added, figures, sums
from tests.core.folded import us
from tests.core.scoring.test_evaluate import Happening, fold

HOUR = 1 / 24
NAN = float("nan")
Told = tuple[float, int, dict[str, Any]]
"""Days, kind, and what is said: value, before, owned, effective (days), item."""


def entries(told: Sequence[Sequence[Told]]) -> Entries:
    flat = sorted(
        (c, round(day * DAY_US), i, kind, said)
        for c, t in enumerate(told)
        for i, (day, kind, said) in enumerate(t)
    )
    columns = [[row[0] for row in flat], [row[1] for row in flat], [row[3] for row in flat]]
    ends = [
        round(said["effective"] * DAY_US) if "effective" in said else at
        for _, at, _, _, said in flat
    ]
    return Entries(
        *(np.array(column, np.int64) for column in columns),
        *(
            np.array([row[4].get(name, NAN) for row in flat], np.float64)
            for name in ("value", "before", "owned")
        ),
        np.array(ends, np.int64),
        np.array([row[4].get("item", 0) for row in flat], np.int64),
    )


def counted(
    *told: Sequence[Told],
    first: Sequence[float] = (),
    active: Sequence[int] = (),
    period: tuple[float, float] = (90, 180),
) -> Sums:
    """All in one group; customers are there from day 1 on unless `first` says otherwise."""
    begun = [round(day * DAY_US) for day in first or [1.0] * len(told)]
    accounts = Accounts(np.zeros(len(told), np.int64), np.array(begun, np.int64))
    used = np.array(active or [0] * len(told), np.float64)
    start, end = (round(day * DAY_US) for day in period)
    return sums(accounts, entries(told), used, 1, start, end)


def found(*told: Sequence[Told], **rest: Any) -> Figures:
    return figures(counted(*told, **rest))


def pays(day: float, mrr: float) -> Told:
    return (day, RENEWED, {"value": mrr})


def leaves(day: float, **said: float) -> Told:
    return (day, CANCELLED, said)


# The table of the field: retention, churn, GRR, NRR
# -------------------------------------------------------------------

STAYS = [pays(5, 100)]
GROWS = [pays(5, 200), pays(120, 300)]
SHRINKS = [pays(5, 400), pays(130, 250)]
GOES = [pays(5, 300), leaves(140)]


def test_retention_is_who_is_still_there_of_those_at_the_start() -> None:
    three_of_four = found(STAYS, GROWS, SHRINKS, GOES)
    assert (three_of_four["customers_at_start"], three_of_four["retained"]) == (4, 3)
    assert three_of_four["retention_rate"] == 0.75


def test_churn_is_who_was_lost_in_the_period_over_those_at_the_start() -> None:
    came_and_went = [pays(100, 50), leaves(150)]
    said = found(STAYS, GROWS, SHRINKS, GOES, came_and_went, first=[1, 1, 1, 1, 100])
    assert (said["customers_at_start"], said["lost"], said["churn_rate"]) == (4, 2, 0.5)
    assert said["retention_rate"] == 0.75  # who came in the period was not there at its start


def test_revenue_retained_counts_losses_alone_in_grr_and_growth_too_in_nrr() -> None:
    said = found(STAYS, GROWS, SHRINKS, GOES)
    # at the start 100 + 200 + 400 + 300 = 1000; kept 100 + 200 + 250 + 0 = 550; now 100 + 300 + 250
    # + 0 = 650
    assert (said["mrr_at_start"], said["mrr_at_end"]) == (1000, 650)
    assert (said["grr"], said["nrr"]) == (0.55, 0.65)


def test_a_new_customer_is_no_retention_of_revenue() -> None:
    said = found(STAYS, [pays(100, 900)], first=[1, 100])
    assert (said["grr"], said["nrr"], said["mrr_at_end"]) == (1, 1, 1000)


THERE: list[tuple[str, list[Told], tuple[float, float, float]]] = [
    ("cancelled for later is there until then", [leaves(140, effective=200)], (1, 1, 0)),
    ("cancelled before, to end within", [leaves(80, effective=100)], (1, 0, 1)),
    ("left before", [leaves(80)], (0, 0, 0)),
    ("left before and won back", [leaves(80), pays(120, 10)], (0, 1, 0)),
    ("won back and lost again", [leaves(80), pays(120, 10), leaves(150)], (0, 0, 1)),
    ("lost and won back within", [leaves(100), pays(120, 10)], (1, 1, 0)),
    ("told to pay nothing after leaving", [leaves(100), pays(101, 0)], (1, 0, 1)),
    (
        "one of two subscriptions ended",
        [
            (5, CHANGED, {"value": 90, "item": 7}),
            (6, CHANGED, {"value": 10, "item": 8}),
            (100, CANCELLED, {"item": 8}),
        ],
        (1, 1, 0),
    ),
    (
        "both ended",
        [
            (5, CHANGED, {"value": 90, "item": 7}),
            (6, CHANGED, {"value": 10, "item": 8}),
            (100, CANCELLED, {"item": 8}),
            (110, CANCELLED, {"item": 7}),
        ],
        (1, 0, 1),
    ),
    (
        "changed while notice runs",
        [leaves(100, effective=150), (120, CHANGED, {"value": 10})],
        (1, 0, 1),
    ),
    ("notice withdrawn", [leaves(100, effective=150), (120, WITHDRAWN, {})], (1, 1, 0)),
    ("left on the first day of the period", [leaves(90)], (1, 0, 1)),
    ("left on the day after it", [leaves(180)], (1, 1, 0)),
]


@pytest.mark.parametrize(
    ("told", "expected"), [row[1:] for row in THERE], ids=[row[0] for row in THERE]
)
def test_who_is_there(told: list[Told], expected: tuple[float, float, float]) -> None:
    said = found(told)
    assert (said["customers_at_start"], said["customers_at_end"], said["lost"]) == expected


def test_what_was_paid_before_the_first_change_is_what_the_change_says() -> None:
    said = found([(120, RENEWED, {"value": 80, "before": 100})])
    assert (said["mrr_at_start"], said["grr"]) == (100, 0.8)


def test_revenue_that_nobody_told_is_left_out_of_both_sides() -> None:
    said = found(STAYS, [], [(150, PROFILE, {"value": 70})])
    assert (said["customers_at_start"], said["mrr_at_start"], said["nrr"], said["mrr_at_end"]) == (
        3,
        100,
        1,
        170,
    )


def test_revenue_is_the_sum_of_the_subscriptions_that_have_not_ended() -> None:
    two = [(5, CHANGED, {"value": 90, "item": 7}), (6, CHANGED, {"value": 10, "item": 8})]
    figures_after = found([*two, (100, CANCELLED, {"item": 8})])
    assert (figures_after["mrr_at_start"], figures_after["mrr_at_end"]) == (100, 90)
    assert figures_after["grr"] == 0.9


def test_trials_that_pay_nothing_and_test_accounts_are_in_no_figure() -> None:
    ended_trial, paying_trial = [pays(5, 0), leaves(140)], [pays(5, 100)]
    of_tests = [pays(5, 500), leaves(150)]
    told = [ended_trial, paying_trial, of_tests, GOES, STAYS]
    accounts = Accounts(
        np.zeros(5, np.int64), np.full(5, DAY_US), np.array([TRIAL, TRIAL, TEST, 0, 0])
    )
    of_all = sums(accounts, entries(told), np.zeros(5), 1, 90 * DAY_US, 180 * DAY_US)
    counts = figures(of_all)
    assert (counts["customers_at_start"], counts["lost"]) == (3, 1)
    assert counts["mrr_at_start"] == 500


# Answers, tickets, adoption
# -------------------------------------------------------------------------------------------


def test_nps_is_promoters_less_detractors_in_percent() -> None:
    scores = [10, 9, 9, 8, 7, 6, 0, 9]  # 4 promoters, 2 passive, 2 detractors of 8
    said = found(
        [(100 + i, NPS, {"value": score}) for i, score in enumerate(scores)],
        [(20, NPS, {"value": 0})],
    )
    assert (said["nps_answers"], said["nps"]) == (8, 25)


def test_csat_is_the_share_of_fours_and_fives_and_ces_the_mean() -> None:
    stars, ease = [5, 4, 3, 1], [7, 6, 2]
    said = found(
        [(100, CSAT, {"value": s}) for s in stars] + [(100, CES, {"value": e}) for e in ease]
    )
    assert (said["csat"], said["ces"]) == (0.5, 5)


def test_time_to_first_answer_and_to_resolution_are_means_over_tickets_of_the_period() -> None:
    quick = [
        (100, OPENED, {"item": 1}),
        (100 + HOUR, ANSWERED, {"item": 1}),
        (100 + 2 * HOUR, ANSWERED, {"item": 1}),
    ]
    slow = [(88, OPENED, {"item": 2}), (91, ANSWERED, {"item": 2}), (92, RESOLVED, {"item": 2})]
    other = [
        (100 + 4 * HOUR, RESOLVED, {"item": 1}),
        (101, OPENED, {"item": 3}),
        (89, RESOLVED, {"item": 4}),
    ]
    said = found([*quick, *other], [*slow, (200, RESOLVED, {"item": 3})])
    assert (said["tickets_answered"], said["hours_to_first_answer"]) == (
        2,
        pytest.approx((1 + 72) / 2),
    )
    assert (said["tickets_resolved"], said["hours_to_resolution"]) == (
        2,
        pytest.approx((4 + 96) / 2),
    )


def test_adoption_is_active_functions_over_functions_owned() -> None:
    owns = [[(10, PROFILE, {"owned": n})] for n in (8, 4)]
    said = found(*owns, [], [(10, PROFILE, {"owned": 9}), leaves(100)], active=[2, 5, 3, 1])
    assert (said["functions_owned"], said["adoption"]) == (
        12,
        (2 + 4) / 12,
    )  # never more than what is owned


def test_what_has_nothing_to_be_divided_by_is_unknown_and_not_zero() -> None:
    said = found([], first=[100])
    assert said["customers_at_start"] == 0
    assert {name for name in figures(counted()) if figures(counted())[name] is None} == {
        *("retention_rate", "churn_rate", "grr", "nrr", "nps", "csat", "ces"),
        *("hours_to_first_answer", "hours_to_resolution", "adoption"),
    }
    assert said["retention_rate"] is None


def test_the_period_before_ends_where_this_one_starts() -> None:
    before, now = (found(STAYS, GROWS, GOES, period=p) for p in ((0, 90), (90, 180)))
    assert before["customers_at_end"] == now["customers_at_start"] == 3
    assert before["mrr_at_end"] == now["mrr_at_start"] == 600


# Laws
# --------------------------------------------------------------------------------------------------

TOLD = st.lists(
    st.tuples(
        st.integers(1, 200), st.sampled_from([PROFILE, RENEWED, CANCELLED, NPS, OPENED, ANSWERED,
        RESOLVED]),
        st.fixed_dictionaries({"value": st.integers(0, 10), "item": st.integers(0, 2)}),
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(TOLD, min_size=2, max_size=4))
def test_the_sums_of_some_and_of_others_are_the_sums_of_all(told: list[list[Told]]) -> None:
    apart, together = added(counted(*told[:1]), counted(*told[1:])), counted(*told)
    assert {name: x.tolist() for name, x in apart.items()} == {
        name: pytest.approx(x.tolist()) for name, x in together.items()
    }


TYPES = {RENEWED: "subscription.renewed", CANCELLED: "subscription.cancelled"}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 80), st.sampled_from(list(TYPES))),
        min_size=1,
        max_size=5,
        unique_by=lambda x: x[0],
    )
)
def test_who_is_there_is_who_the_score_takes_for_not_churned(told: list[tuple[int, int]]) -> None:
    happenings: list[Happening] = [
        (0.0, "session.started", {}),
        *[(day, TYPES[kind], {}) for day, kind in told],
    ]
    scored = fold(*[h for h in happenings if h[0] < 40.5]).evaluate(us(40.5))
    said = found([(day, kind, {}) for day, kind in told], first=[0.0], period=(0.5, 40.5))
    assert said["customers_at_end"] == int(not scored.churned[0])
