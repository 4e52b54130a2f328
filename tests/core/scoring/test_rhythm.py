"""A customer is judged by its own rhythm: one that keeps it isn't called silent, one that stops is
told within about two of its periods."""

import numpy as np
import pytest
import yaml

from healthsvc.core.decisions.decide import decide
from healthsvc.core.folding import facts
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring import rhythm
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.core.folded import CARD, PROGRAM, Fold, at, us
from tests.core.scoring.test_evaluate import Happening, fold, page, used

SILENT = CARD.flag_names.index("silent")
YEAR = 400


def every(period: float, until: float = YEAR, since: float = 0.0) -> list[float]:
    return np.arange(since, until, period).tolist()


def silent_after(made: Fold, last: float) -> float:
    """Days of quiet after which the customer is silent."""
    flags = made.evaluate(us(last)).flags
    return float(flags.change_us[0, SILENT] - us(last)) / DAY_US


@pytest.mark.parametrize(
    ("period", "least", "most"),
    [(1, 14, 14), (7, 14, 14), (14, 20, 28), (16, 24, 32), (30, 46, 60), (91, 140, 180)],
)
def test_silence_begins_within_about_two_periods_and_not_before_the_next_visit(
    period: float, least: float, most: float
) -> None:
    days = every(period)

    assert least <= silent_after(fold(*used(*days)), days[-1]) <= most


def test_who_comes_on_weekdays_alone_is_a_daily_user() -> None:
    days = [day for day in every(1) if day % 7 < 5]

    assert silent_after(fold(*used(*days)), days[-1]) == 14


def test_one_long_pause_makes_nobody_deaf() -> None:
    """Paused once for a hundred days, returned, stops."""
    days = [*every(1, 150), *every(1, 350, since=250)]

    assert silent_after(fold(*used(*days)), days[-1]) == 14


def test_three_weeks_on_and_two_off_is_a_rhythm() -> None:
    days = [day for day in every(1) if day % 35 < 21]

    assert silent_after(fold(*used(*days)), days[-1]) > 16


def test_of_a_new_customer_no_rhythm_is_known() -> None:
    assert silent_after(fold(*used(0, 16, 32)), 32) == 14
    assert silent_after(fold(*used(0, 16, 32, 48, 64)), 64) > 20


def test_the_rhythm_does_not_depend_on_the_order_in_which_days_are_told() -> None:
    days = [*every(16, 900), *every(50, 900)]
    one, other = fold(*used(*days)), Fold()
    shuffled = np.random.default_rng(5).permutation(len(days)).tolist()
    events = [
        {"id": f"e{i}", "source": "t", "type": "feature.used", "customer_id": "acme"}
        | {"occurred_at": at(days[i]), "data": {"feature": "export"}}
        for i in shuffled
    ]
    for event in events:
        other.feed([event])

    assert np.array_equal(
        rhythm.silence_us(one.view(us(900)), 0), rhythm.silence_us(other.view(us(900)), 0)
    )


def test_a_monthly_customer_that_keeps_its_rhythm_is_healthy() -> None:
    made = fold(*used(*every(30)))

    assert made.evaluate(us(YEAR + 25)).score[0] > 80


def told(happenings: list[Happening], days: list[float]) -> list[tuple[float, str]]:
    """Day and flag of each alert, decided on these days."""
    remembered, alerts = DecisionStates.undecided(1), []
    for day in days:
        known = [h for h in happenings if h[0] <= day]
        decisions = decide(PROGRAM, fold(*known).evaluate(us(day)), remembered)
        remembered = decisions.after
        alerts += [(day, CARD.flag_names[c.flag]) for c in decisions.flags if c.alert]
    return alerts


def test_a_decline_of_three_percent_a_week_is_told() -> None:
    rng = np.random.default_rng(3)
    days = [day for day in every(0.25, 600) if rng.random() < 0.97 ** max(0, (day - 300) / 7)]

    alerts = told(used(*days), every(1, 450, since=400))

    assert [flag for _, flag in alerts] == ["fading"]


def test_a_level_that_swings_for_thirty_days_makes_one_alert() -> None:
    looks = [page(day, "pricing") for day in (100, 100.1, 110, 110.1, 120, 120.1, 128, 128.1)]

    alerts = told([*used(*every(1, 130)), *looks], every(1, 131, since=99))

    assert [flag for _, flag in alerts] == ["price_review"]


def test_a_customer_that_looks_at_prices_all_the_time_is_no_news() -> None:
    looks = [page(day, "pricing") for day in every(5, 300)]

    alerts = told([*used(*every(1, 300)), *looks], every(7, 300, since=150))

    assert alerts == []


def test_a_scorecard_of_before_judges_everybody_by_the_same_spans() -> None:
    document = yaml.safe_load(default_document())
    del document["rhythm"]
    document["flags"] = [flag for flag in document["flags"] if flag["kind"] != "fading"]
    former = Fold(program=compile_document(yaml.safe_dump(document, sort_keys=False)).program)
    days = every(30)
    former.feed(
        [
            {"id": f"e{i}", "source": "t", "type": "feature.used", "customer_id": "acme"}
            | {"occurred_at": at(day), "data": {"feature": "export"}}
            for i, day in enumerate(days)
        ]
    )

    assert silent_after(former, days[-1]) == 14
    assert (former.states.facts[:, facts.PRESENCE_0 : facts.SLOW_0 + facts.SLOW_LEVELS] == 0).all()


def test_a_silence_that_begins_within_the_cool_down_is_told_when_it_is_over() -> None:
    """Away for three weeks, back for three days, gone."""
    days = [*every(1, 100), *every(1, 124, since=121)]

    alerts = told(used(*days), every(1, 170, since=90))

    assert alerts == [(113.0, "silent"), (148.0, "silent")]


def test_who_comes_at_random_is_silent_after_two_of_its_mean_gaps() -> None:
    """Gaps of 40 days fill a third of the time, most are of 16."""
    gaps = [16, 18, 40, 14, 16, 18, 16, 40, 16, 14, 18, 16, 14, 40, 16, 18]
    days = np.cumsum(gaps).astype(float).tolist()

    assert silent_after(fold(*used(*days)), days[-1]) == pytest.approx(2 * 330 / 16, abs=0.5)


def test_a_state_that_keeps_no_mean_gap_yet_is_judged_by_the_usual_one() -> None:
    days = [*every(1, 300), *np.arange(300, YEAR, 30).tolist()]
    made = fold(*used(*days))
    column = made.states.facts[:, facts.PRESENCE]
    column[:] = np.mod(column, 2.0**28)

    usual_us = float(made.view(us(days[-1])).usual_gap_us[0])

    assert silent_after(made, days[-1]) == max(14, np.floor(1.6 * usual_us) / DAY_US)


def test_a_silence_is_told_at_once_although_the_fall_that_led_to_it_was() -> None:
    rng = np.random.default_rng(3)
    kept = [day for day in every(0.25, 600) if rng.random() < 0.97 ** max(0, (day - 300) / 7)]
    last = 425.0

    alerts = told(used(*[day for day in kept if day <= last]), every(1, 450, since=400))

    assert [flag for _, flag in alerts] == ["fading", "silent"]
    assert alerts[1][0] - alerts[0][0] < 35
    assert alerts[1][0] - max(day for day in kept if day <= last) < 15.5
