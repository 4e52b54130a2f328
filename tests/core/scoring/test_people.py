"""People, not the last word: several people's answers, surveys sent, and who waits for a reply."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.folding.items.registry import VOICE
from healthsvc.core.insights import signals
from healthsvc.core.insights.surveys import survey_summary
from healthsvc.core.scoring.surveys import answers, mean_answer
from tests.core.folded import CARD, Event, Fold, at, flags, us

Said = tuple[float, str, dict[str, Any], str | None]
"""Days, type, data, contact."""
DAILY: list[Said] = [(float(d), "feature.used", {"feature": "f"}, None) for d in range(60)]


def fold(*said: Said) -> Fold:
    states = Fold()
    states.feed(events(said))
    return states


def events(said: Any) -> list[Event]:
    return [
        {
            "id": f"e{i}",
            "source": "test",
            "type": type,
            "customer_id": "acme",
            "occurred_at": at(days),
            "data": data,
        }
        | ({} if contact is None else {"contact_id": contact})
        for i, (days, type, data, contact) in enumerate(said)
    ]


def nps(days: float, score: int, contact: str | None = None, role: str | None = None) -> Said:
    data = {"survey": "nps", "score": score} | ({} if role is None else {"role": role})
    return (days, "survey.answered", data, contact)


def sent(days: float, contact: str | None = None, survey_id: str | None = None) -> Said:
    return (days, "survey.sent", {"survey": "nps", "survey_id": survey_id}, contact)


def ticket(days: float, step: str = "opened", name: str = "1") -> Said:
    return (days, f"ticket.{step}", {"ticket_id": name}, None)


def talk(days: float, **data: str) -> Said:
    return (days, "contact.logged", data, None)


def held(*said: Said, day: float = 60.0) -> set[str]:
    return flags(fold(*said).evaluate(us(day)))


def score(*said: Said, day: float = 60.0) -> float:
    return float(fold(*said).evaluate(us(day)).score[0])


def test_a_detractor_stays_one_whatever_the_intern_says() -> None:
    both = (*DAILY, nps(58, 1, "ceo"), nps(59, 10, "intern"))
    assert "detractor" in held(*both)
    assert "promoter" not in held(*both)
    assert score(*both) == pytest.approx(60, abs=0.5)


def test_the_onset_stays_so_the_alert_is_neither_resolved_nor_raised_anew() -> None:
    before, after = (
        fold(*DAILY, nps(58, 1, "ceo"), *more).evaluate(us(59.5)).flags
        for more in ((), (nps(59, 10, "intern"),))
    )
    f = CARD.flag_names.index("detractor")
    assert before.onset_us[0, f] == after.onset_us[0, f] == us(58)


def test_who_changes_their_own_mind_is_no_detractor_any_more() -> None:
    assert "detractor" not in held(*DAILY, nps(50, 1, "ceo"), nps(59, 10, "ceo"))


def test_answers_without_a_contact_are_one_unnamed_voice() -> None:
    assert "detractor" not in held(*DAILY, nps(50, 1), nps(59, 10))
    assert "detractor" in held(*DAILY, nps(50, 1), nps(59, 10, "intern"))


NINE_PROMOTERS = [nps(50 + d / 10, 10, f"p{d}") for d in range(9)]


def test_nine_promoters_and_one_six_are_a_call_and_no_cap() -> None:
    one_six = (*DAILY, *NINE_PROMOTERS, nps(59, 6, "p10"))
    assert {"detractor", "promoter"} <= held(*one_six)
    found = fold(*one_six).evaluate(us(60))
    assert found.score[0] == found.raw[0] > 80


@pytest.mark.parametrize("role", ["champion", "decider"])
def test_the_six_of_who_decides_caps_in_full(role: str) -> None:
    assert score(*DAILY, *NINE_PROMOTERS, nps(59, 6, "p10", role)) == 60
    assert score(*DAILY, *NINE_PROMOTERS, nps(59, 6, "p10", "user")) > 80


def test_the_champion_whom_the_profile_names_weighs_more_whenever_that_is_told() -> None:
    named: Said = (0, "customer.updated", {"attributes": {"champion": "p10"}}, None)
    for told in ((named, nps(59, 6, "p10")), (nps(59, 6, "p10"), named)):
        assert score(*DAILY, *NINE_PROMOTERS, *told) == 60


def test_an_old_answer_weighs_less_than_a_new_one() -> None:
    old = fold(*DAILY, nps(0, 0, "a"), nps(59, 10, "b"))
    new = fold(*DAILY, nps(58, 0, "a"), nps(59, 10, "b"))
    assert mean_answer(old.view(us(60)), "nps")[0] > mean_answer(new.view(us(60)), "nps")[0] + 0.5


def test_a_detractor_fades_after_ninety_days_to_the_microsecond() -> None:
    states = fold(*DAILY, nps(58, 1, "ceo"), nps(59, 10, "intern"))
    f = CARD.flag_names.index("detractor")
    last = states.evaluate(us(58 + 90) - 1).flags
    assert last.holds[0, f]
    assert last.change_us[0, f] == us(58 + 90)
    assert not states.evaluate(us(58 + 90)).flags.holds[0, f]


def test_the_answer_of_a_champion_who_left_counts_no_more() -> None:
    left: Said = (59.5, "champion.left", {"name": "Ada"}, "ceo")
    assert "detractor" in held(*DAILY, nps(58, 1, "ceo"))
    assert "detractor" not in held(*DAILY, nps(58, 1, "ceo"), left)
    found = fold(*DAILY, nps(58, 1, "ceo"), left).evaluate(us(60))
    assert found.weight[0, [m.name for m in CARD.scored_measures].index("nps")] == 0


def test_the_briefing_names_the_low_answer_though_a_later_one_is_high() -> None:
    view = fold(*DAILY, nps(58, 1, "ceo"), nps(59, 10, "intern")).view(us(60))
    told = signals.detractor(view, 0)
    assert told is not None
    assert (told.value, told.since_us) == (1.0, us(58))
    assert signals.promoter(view, 0) is None


def test_low_satisfaction_of_one_of_several_counts_unless_nps_says_more() -> None:
    def csat(days: float, stars: int, contact: str) -> Said:
        return (days, "survey.answered", {"survey": "csat", "score": stars}, contact)

    assert "dissatisfied" in held(*DAILY, csat(58, 1, "a"), csat(59, 5, "b"))
    assert "dissatisfied" not in held(*DAILY, csat(58, 1, "a"), csat(59, 5, "b"), nps(59, 9, "c"))


@pytest.mark.parametrize("contacts", [(None,) * 4, ("a", "b", "c", "d")])
def test_four_answered_of_four_sent_are_at_least_as_good_as_the_same_answers_unsent(
    contacts: tuple[str | None, ...],
) -> None:
    answered = [nps(50.5 + i, 8, c) for i, c in enumerate(contacts)]
    asked = [sent(50.0 + i, c, f"q{i}") for i, c in enumerate(contacts)]
    assert score(*DAILY, *asked, *answered) >= score(*DAILY, *answered)


def test_each_survey_left_unanswered_costs_and_an_answer_takes_that_back() -> None:
    asked = [sent(55, c) for c in "abcd"]
    none, half, all_of_them = (
        score(*DAILY, nps(40, 8, "z"), *asked, *(nps(56, 8, c) for c in names))
        for names in ("", "ab", "abcd")
    )
    assert none < half < all_of_them


def test_an_answer_without_a_name_answers_what_was_sent_to_anybody() -> None:
    assert score(*DAILY, sent(50, "a"), nps(51, 8)) == score(*DAILY, nps(51, 8))
    assert score(*DAILY, sent(50), nps(51, 8, "a")) == score(*DAILY, nps(51, 8, "a"))


def test_a_survey_summary_counts_people_and_gives_the_net_promoter_score() -> None:
    asked = [sent(49, f"p{d}") for d in range(12)]
    states = fold(*DAILY, *asked, *NINE_PROMOTERS, nps(59, 6, "p10", "decider"))
    summary = survey_summary(states.states.items.counted([0], VOICE)[0], CARD.surveys)
    (told,) = summary.results
    assert (told.voices, told.high, told.low, told.low_by_decider) == (10, 9, 1, 1)
    assert (told.net, told.mean, told.newest_us) == (80, pytest.approx(9.6), us(59))
    assert (summary.asked, summary.answered) == (12, 10)
    assert summary.response_rate == pytest.approx(10 / 12)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["answered", "sent", "left"]),
            st.integers(0, 50),
            st.integers(0, 10),
            st.sampled_from([None, "a", "b", "c"]),
            st.sampled_from([None, "user", "champion", "decider"]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_what_people_answered_comes_to_the_same_in_any_order(drawn: Any, random: Any) -> None:
    said: list[Said] = []
    for kind, day, answer, contact, role in drawn:
        if kind == "answered":
            said.append(nps(day, answer, contact, role))
        elif kind == "sent":
            said.append(sent(day, contact))
        else:
            said.append((day, "champion.left", {}, contact))
    other = list(said)
    random.shuffle(other)
    one, two = Fold(), Fold()
    one.feed(events(said))
    ids = {id(s): i for i, s in enumerate(said)}
    shuffled = [events(said)[ids[id(s)]] for s in other]
    for event in shuffled:
        two.feed([event])
        two.restart()
    first, second = one.evaluate(us(60)), two.evaluate(us(60))
    assert first.raw[0] == pytest.approx(second.raw[0], nan_ok=True, abs=1e-9)
    assert (first.flags.holds == second.flags.holds).all()
    for a, b in ((answers(s.view(us(60)), "nps") for s in (one, two)),):
        assert a.low_share[0] == pytest.approx(b.low_share[0], abs=1e-9)
        assert a.low_at[0] == b.low_at[0]


def test_sixty_five_people_are_told_by_the_newest_sixty_four() -> None:
    crowd = [nps(d / 10, 10, f"p{d}") for d in range(64)]
    states = fold(nps(0, 0, "first"), *crowd)
    assert answers(states.view(us(10)), "nps").low_share[0] == 0


@pytest.mark.parametrize(("tier", "days"), [(None, 2), ("high", 1), ("low", 2), ("tech", 3)])
def test_a_ticket_without_a_first_answer_waits_too_long_by_touch_tier(
    tier: str | None, days: float
) -> None:
    profile: list[Said] = [] if tier is None else [(0, "customer.updated", {"tier": tier}, None)]
    states = fold(*DAILY, *profile, ticket(55))
    f = CARD.flag_names.index("ticket_waiting")
    before = states.evaluate(us(55 + days) - 1).flags
    assert not before.holds[0, f]
    assert before.change_us[0, f] == us(55 + days)
    assert states.evaluate(us(55 + days)).flags.holds[0, f]


def test_a_first_answer_or_the_end_of_the_ticket_ends_the_wait() -> None:
    assert "ticket_waiting" not in held(*DAILY, ticket(55), ticket(59, "answered"))
    assert "ticket_waiting" not in held(*DAILY, ticket(55), ticket(59, "resolved"))
    assert "ticket_waiting" in held(
        *DAILY, ticket(55), ticket(59, "answered"), ticket(56, name="2")
    )


@pytest.mark.parametrize(
    ("talks", "waits"),
    [
        ([talk(55, direction="inbound")], True),
        ([talk(55, direction="inbound", outcome="no_answer")], True),
        ([talk(55, direction="inbound", outcome="positive")], False),
        ([talk(55, direction="inbound"), talk(56, outcome="no_answer")], False),
        ([talk(55, direction="inbound"), talk(56, direction="outbound")], False),
        ([talk(55, direction="inbound"), talk(56, direction="inbound", outcome="neutral")], False),
        ([talk(54), talk(55, direction="inbound"), talk(59, direction="inbound")], True),
        ([talk(55, direction="outbound")], False),
        ([talk(59, direction="inbound")], False),
    ],
)
def test_an_inbound_contact_waits_until_we_reply(talks: list[Said], *, waits: bool) -> None:
    for order in itertools.permutations(talks):
        assert ("ticket_waiting" in held(*DAILY, *order)) is waits
