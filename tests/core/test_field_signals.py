"""The field's signals and rules of thumb, one scenario each, on the scorecard that everybody starts
with.

docs/insights.md leads from each row of the field's tables to the test here.
"""

import numpy as np
import pytest

from healthsvc.core.decisions.decide import decide
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.scoring.explain import contributions
from tests.core.folded import CARD, PROGRAM, at, flags, us
from tests.core.scoring.test_evaluate import FILED, Happening, contact, fold, nps, page, used

STEADY = used(*range(60))
"""Sixty days of daily use of one function; the day of judgement is the sixtieth."""
DAY = 60.0


def score(*happenings: Happening, day: float = DAY) -> float:
    return float(fold(*happenings).evaluate(us(day)).score[0])


def raw(*happenings: Happening, day: float = DAY) -> float:
    """Before caps."""
    return float(fold(*happenings).evaluate(us(day)).raw[0])


def held(*happenings: Happening, day: float = DAY) -> set[str]:
    return flags(fold(*happenings).evaluate(us(day)))


def alerts(*happenings: Happening, day: float = DAY) -> dict[str, str | None]:
    """Flags that alert as of the day, and their severity."""
    found = fold(*happenings).evaluate(us(day))
    changes = decide(PROGRAM, found, DecisionStates.undecided(1)).flags
    return {CARD.flags[c.flag].name: CARD.flags[c.flag].severity for c in changes if c.alert}


def risk(*happenings: Happening, day: float = DAY) -> float:
    return float(fold(*happenings).evaluate(us(day)).risk[0])


@pytest.mark.parametrize(
    "trouble",
    [
        [FILED],
        [(40, "invoice.overdue", {"invoice_id": "i", "amount": 100})],
        [(58, "champion.left", {})],
        [nps(58, 0)],
        [page(59, "account/cancel")],
        [(59, "contact.logged", {"outcome": "leaving"})],
    ],
    ids=["complaint", "overdue", "champion left", "detractor", "cancel page", "notice"],
)
def test_a_heavy_user_in_trouble_ranks_above_a_newcomer_who_is_in_none(
    trouble: list[Happening],
) -> None:
    newcomer = risk(*used(*range(50, 60)))
    assert risk(*STEADY) < newcomer
    assert risk(*STEADY, *trouble) > newcomer + 0.1


def csat(days: float, stars: float) -> Happening:
    return (days, "survey.answered", {"survey": "csat", "score": stars})


def ces(days: float, ease: float) -> Happening:
    return (days, "survey.answered", {"survey": "ces", "score": ease})


def sent(days: float) -> Happening:
    return (days, "survey.sent", {"survey": "nps"})


def resolved(days: float) -> Happening:
    return (days, "complaint.resolved", {"complaint_id": "1"})


def rated(days: float, stars: float) -> Happening:
    return (days, "complaint.rated", {"complaint_id": "1", "rating": stars})


def functions(count: int) -> list[Happening]:
    """The same sixty uses, spread over so many functions."""
    return [(float(d), "feature.used", {"feature": f"function {d % count}"}) for d in range(60)]


def renewal(days: float) -> Happening:
    return (0, "customer.updated", {"renewal_at": at(days)})


# The table of signals
# -------------------------------------------------------------------------------------------------


def test_a_cancel_page_viewed_means_contact_at_once_whatever_the_average_says() -> None:
    cancel = page(60, "account/cancel")
    assert score(*STEADY) > 70
    assert score(*STEADY, cancel) == 20
    assert alerts(*STEADY, cancel) == {"cancel_intent": "critical"}


@pytest.mark.parametrize("path", ["help/export", "docs/export"])
def test_support_and_specification_pages_mean_that_help_is_wanted(path: str) -> None:
    looked = [page(60, path)] * 3
    assert alerts(*STEADY, *looked) == {"needs_help": "info"}
    assert score(*STEADY) - 5 < score(*STEADY, *looked) < score(*STEADY)


def test_a_pricing_page_may_be_a_chance_so_it_asks_and_costs_little() -> None:
    looked = [page(60, "pricing"), page(60, "plans")]
    assert alerts(*STEADY, *looked) == {"price_review": "warning"}
    assert score(*STEADY) - 5 < score(*STEADY, *looked)


def test_adoption_is_extent_as_well_as_frequency() -> None:
    owned: Happening = (0, "customer.updated", {"features_owned": 8})
    assert score(*functions(1), owned) < score(*functions(4), owned) < score(*functions(8), owned)


def test_adoption_is_frequency_as_well_as_extent() -> None:
    seen: list[Happening] = [(float(d), "session.started", {}) for d in range(60)]
    less = [h for h in functions(8) if h[0] < 30 or h[0] % 8 == 0]
    assert raw(*less, *seen) < raw(*functions(8), *seen)


def test_functions_used_much_less_than_usual_raise_an_alert() -> None:
    seen: list[Happening] = [(float(d), "session.started", {}) for d in range(100)]
    assert "usage_drop" in held(*used(*range(60)), *seen, day=100)
    assert "silent" not in held(*used(*range(60)), *seen, day=100)


def test_engagement_is_judged_against_the_own_habit_not_by_the_level() -> None:
    rare, frequent = used(*range(0, 200, 3)), used(*[d / 3 for d in range(600)])
    faded = [*used(*[d / 3 for d in range(480)]), *used(*range(160, 200, 3))]
    assert raw(*rare, day=200) == pytest.approx(raw(*frequent, day=200), abs=5)
    assert raw(*faded, day=200) < raw(*rare, day=200) - 10


def test_sign_ins_show_engagement_and_seats_that_nobody_uses_cost() -> None:
    assert score(*STEADY, *[(float(d), "session.started", {}) for d in range(60)]) > score(*STEADY)
    idle, busy = ((59.0, "seats.changed", {"seats": 20, "active": n}) for n in (5, 18))
    assert score(*STEADY, idle) < score(*STEADY) < score(*STEADY, busy)


@pytest.mark.parametrize(("answer", "is_detractor"), [(n, n <= 6) for n in range(11)])
def test_a_detractor_is_called_and_passives_and_promoters_are_not(
    answer: int, *, is_detractor: bool
) -> None:
    assert ("detractor" in alerts(*STEADY, nps(59, answer))) is is_detractor


def test_a_promoter_stands_above_a_passive_above_a_detractor() -> None:
    assert score(*STEADY, nps(59, 3)) < score(*STEADY, nps(59, 7)) < score(*STEADY, nps(59, 9))


def test_would_recommend_weighs_more_than_satisfied_and_easy_together() -> None:
    loyal = raw(*STEADY, nps(59, 10), csat(59, 1), ces(59, 1))
    pleased = raw(*STEADY, nps(59, 0), csat(59, 5), ces(59, 7))
    assert loyal > pleased


def test_satisfaction_and_ease_count_too() -> None:
    assert raw(*STEADY, csat(59, 1)) < raw(*STEADY, csat(59, 5))
    assert raw(*STEADY, ces(59, 1)) < raw(*STEADY, ces(59, 7))


def test_a_survey_not_answered_is_part_of_silence() -> None:
    assert score(*STEADY, sent(58)) < score(*STEADY)
    assert "silent" in held(*used(*range(40)), sent(50), sent(58))
    assert score(*STEADY, sent(58), nps(59, 9)) > score(*STEADY)


def test_a_ticket_costs_until_it_is_answered_because_speed_matters_when_they_ask() -> None:
    asked: Happening = (58, "ticket.opened", {"ticket_id": "1"})
    answered: Happening = (58.1, "ticket.answered", {"ticket_id": "1"})
    assert score(*STEADY, asked) < score(*STEADY, asked, answered) == pytest.approx(score(*STEADY))


def test_zero_tickets_is_never_health() -> None:
    done: list[Happening] = [
        (58, "ticket.opened", {"ticket_id": "1"}),
        (58.1, "ticket.answered", {"ticket_id": "1"}),
        (58.2, "ticket.resolved", {"ticket_id": "1", "rating": 5}),
    ]
    assert score(*STEADY) <= score(*STEADY, *done) + 1e-9


def test_a_complaint_served_well_ends_above_the_level_before_it() -> None:
    assert score(*STEADY, FILED, resolved(2), rated(3, 5)) > score(*STEADY)


def test_a_complainer_served_well_ends_above_the_silent_twin() -> None:
    """Both were dissatisfied; one complained and was served, the other said nothing and went."""
    unhappy = csat(40, 2)
    twin = [*used(*range(45)), unhappy]
    complainer = [
        *STEADY,
        unhappy,
        (45.0, "complaint.filed", {"complaint_id": "1"}),
        resolved(46),
        rated(47, 5),
    ]
    assert score(*STEADY, unhappy) < score(*complainer)
    assert score(*twin) < score(*complainer)


def test_an_unresolved_complaint_costs_more_than_double_what_good_service_wins() -> None:
    before = raw(*STEADY)
    won = raw(*STEADY, FILED, resolved(58), rated(59, 5)) - before
    lost = before - raw(*STEADY, FILED)
    assert won > 0
    assert lost > 2 * won


def test_bad_service_weighs_twice_as_much_as_good() -> None:
    before = raw(*STEADY)
    won = raw(*STEADY, FILED, resolved(58), rated(59, 5)) - before
    lost = before - raw(*STEADY, FILED, resolved(58), rated(59, 1))
    assert lost > 2 * won > 0


def test_silence_of_a_customer_that_was_there_asks_to_reach_out_first() -> None:
    assert "silent" in alerts(*used(*range(46)))
    assert score(*used(*range(46))) <= 45


def test_the_unhappy_silent_customer_is_worse_than_the_unhappy_and_than_the_silent() -> None:
    unhappy, silent = score(*STEADY, nps(44, 3)), score(*used(*range(46)))
    both = [*used(*range(46)), nps(44, 3)]
    assert score(*both) < min(unhappy, silent) - 15
    assert alerts(*both)["silent_unhappy"] == "critical"


def test_who_was_dissatisfied_and_goes_silent_is_unhappy_silent_too_where_no_nps_says_otherwise() -> (
    None
):
    gone = [*used(*range(46)), csat(44, 1)]
    assert alerts(*gone)["silent_unhappy"] == "critical"
    assert "silent_unhappy" not in alerts(
        *gone, nps(40, 9)
    )  # "would recommend" says more than "satisfied"
    assert "silent_unhappy" in alerts(*gone, nps(40, 2))
    assert not {"dissatisfied", "unhappy"} & alerts(*STEADY, csat(44, 1)).keys()


def test_the_cap_of_two_flags_together_names_the_last_events_before_the_silence() -> None:
    state = fold(*used(*range(46)), nps(44, 3))
    *_, cap = contributions(state.view(us(DAY)), state.evaluate(us(DAY)), 0)
    assert (cap.measure, cap.fed_by, cap.evidence_us[0]) == (
        "cap:silent_unhappy",
        "activity",
        us(45),
    )


def test_an_overdue_invoice_costs_until_it_is_paid() -> None:
    overdue: Happening = (50, "invoice.overdue", {"invoice_id": "1"})
    paid: Happening = (59, "invoice.paid", {"invoice_id": "1"})
    assert score(*STEADY, overdue) <= 65
    assert alerts(*STEADY, overdue) == {"payment_overdue": "warning"}
    assert score(*STEADY, overdue, paid) == pytest.approx(score(*STEADY))


def test_a_plan_made_smaller_is_told_and_never_taken_for_trust() -> None:
    smaller: Happening = (59, "subscription.changed", {"mrr": 100, "previous_mrr": 500})
    larger: Happening = (59, "subscription.changed", {"mrr": 500, "previous_mrr": 100})
    assert alerts(*STEADY, smaller) == {"contraction": "warning"}
    assert score(*STEADY, smaller) <= score(*STEADY)
    assert alerts(*STEADY, larger) == {}
    assert "contraction" not in held(*STEADY, smaller, (59.5, *larger[1:]))


def test_a_contract_renewed_is_trust_just_given() -> None:
    assert score(*STEADY, (59, "subscription.renewed", {})) > score(*STEADY)


@pytest.mark.parametrize("kind", ["referral", "case_study", "review"])
def test_recommending_us_shows_loyalty(kind: str) -> None:
    assert score(*STEADY, (59, "referral.made", {"kind": kind})) > score(*STEADY)


@pytest.mark.parametrize("kind", ["webinar", "event", "community", "email_opened"])
def test_taking_part_shows_engagement_and_its_lack_shows_nothing(kind: str) -> None:
    assert score(*STEADY, (59, "engagement.recorded", {"kind": kind})) > score(*STEADY)


def test_a_function_asked_for_shows_loyalty() -> None:
    assert score(*STEADY, (59, "feature.requested", {"feature": "export"})) > score(*STEADY)


def test_the_champion_leaving_is_risk_in_itself() -> None:
    left: Happening = (59, "champion.left", {"name": "Ada"})
    assert score(*STEADY, left) <= 65
    assert alerts(*STEADY, left) == {"champion_left": "warning"}


def test_a_change_of_owner_is_some_risk_in_itself_and_calls_nobody() -> None:
    kept: Happening = (59, "customer.updated", {"owner": "csm-a", "previous_owner": "csm-a"})
    changed: Happening = (59, "customer.updated", {"owner": "csm-b", "previous_owner": "csm-a"})
    left: Happening = (59, "champion.left", {})
    assert raw(*STEADY, left) < raw(*STEADY, changed) < raw(*STEADY, kept) == raw(*STEADY)
    assert alerts(*STEADY, changed) == {}


def test_a_contact_logged_releases_intent_only_if_someone_was_reached() -> None:
    cancel = page(40, "account/cancel")
    assert "cancel_intent" not in held(*STEADY, cancel, contact(41, "positive"))
    assert "cancel_intent" in held(*STEADY, cancel, contact(41, "no_answer"))


@pytest.mark.parametrize(
    ("flag", "happenings"),
    [("silent_before_renewal", used(*range(46))), ("drop_before_renewal", STEADY)],
)
def test_with_the_renewal_near_the_same_signal_weighs_more(
    flag: str, happenings: list[Happening]
) -> None:
    sessions: list[Happening] = [(float(d), "session.started", {}) for d in range(100)]
    seen = sessions if flag == "drop_before_renewal" else []
    day = 100.0 if seen else DAY
    near, far = [*happenings, *seen, renewal(day + 60)], [*happenings, *seen, renewal(day + 200)]
    assert flag in held(*near, day=day)
    assert flag not in held(*far, day=day)
    assert score(*near, day=day) < score(*far, day=day)


def test_a_renewal_near_costs_a_sound_customer_nothing() -> None:
    assert "renewal_near" in held(*STEADY, renewal(100))
    assert score(*STEADY, renewal(100)) == score(*STEADY)


# The rules of thumb
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "day", "holds"),
    [
        ("nobody has spoken", 400.0, True),
        ("someone has spoken, it isn't quiet for 14 days", 53.9, True),
        ("someone has spoken, and it has been quiet", 54.0, False),
    ],
)
def test_cancel_intent_overrides_until_someone_spoke_and_fourteen_days_were_quiet(
    told: str, day: float, *, holds: bool
) -> None:
    spoken = [] if told == "nobody has spoken" else [contact(41, "positive")]
    use = used(*range(int(day)))
    assert ("cancel_intent" in held(*use, page(40, "account/cancel"), *spoken, day=day)) is holds


def test_never_used_differs_from_went_silent() -> None:
    asked = [nps(d, 9) for d in (57, 58, 59)]
    assert raw(*asked) > raw(*used(*range(28)), *asked, day=80)
    assert "usage_drop" not in held(*asked, day=80)
    assert "usage_drop" in held(*used(*range(28)), *asked, day=80)


def test_a_customer_never_there_is_not_silent() -> None:
    told: list[Happening] = [(float(d), "customer.updated", {"name": "Acme"}) for d in range(5)]
    assert held(*told) == set()


def test_no_data_is_no_score_and_no_neutral_middle() -> None:
    assert np.isnan(score((0, "customer.updated", {"name": "Acme"}), day=1))


def test_a_new_customer_has_too_little_evidence() -> None:
    assert np.isnan(score(*used(0, 1), day=2))
    assert not np.isnan(score(*used(0, 1, 2), day=2))


def test_what_we_do_to_the_customer_is_not_its_activity() -> None:
    ours: list[Happening] = [
        sent(55),
        contact(56, "no_answer"),
        (57, "customer.updated", {"owner": "jo"}),
    ]
    assert "silent" in held(*used(*range(46)), *ours)


def test_every_weight_has_its_reason_beside_it_and_every_alert_a_play() -> None:
    assert [m.name for m in CARD.scored_measures if not m.why] == []
    assert [
        f.name for f in CARD.flags if f.severity is not None and not f.play and f.kind != "churned"
    ] == []


def test_needs_are_reassessed_from_time_to_time_of_whoever_was_ever_spoken_with() -> None:
    daily = used(*range(200))
    assert "reassess" not in held(*daily, day=199)
    assert "reassess" not in held(*daily, contact(100, "positive"), day=199)
    assert alerts(*daily, contact(18, "neutral"), day=199) == {"reassess": "info"}
