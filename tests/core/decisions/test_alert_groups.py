"""One cause, one alert: a sharper flag takes the plain one's place, and gives it back."""

from dataclasses import replace

from healthsvc.core.decisions.alert_groups import absence_flags, alert_groups
from healthsvc.core.decisions.decide import decide
from healthsvc.core.folding.decision_state import DecisionStates
from tests.core.folded import CARD, PROGRAM, us
from tests.core.scoring.test_evaluate import Happening, fold, nps, used
from tests.core.test_field_signals import renewal

NAMES = CARD.flag_names
DAILY = used(*range(46))
"""Daily use that ends on the 45th day: silent from the 59th on."""


def course(*steps: tuple[float, list[Happening]]) -> list[dict[str, str]]:
    """What each decision does to the alerts, by kind of alert; steps: the day, and all that
    happened until then."""
    remembered, said = DecisionStates.undecided(1), []
    for day, happenings in steps:
        decided = decide(PROGRAM, fold(*happenings).evaluate(us(day)), remembered)
        remembered = decided.after
        said.append({NAMES[c.flag]: c.kind for c in decided.flags if c.alert})
    return said


def test_a_flag_of_flags_and_the_first_of_them_are_one_family_and_so_are_silence_and_falling_use() -> (
    None
):
    grown = {NAMES[f]: {NAMES[g] for g in family} for f, family in alert_groups(CARD).items()}

    silence = {
        "silent",
        "usage_drop",
        "fading",
        "visits_fading",
        "silent_unhappy",
        "silent_before_renewal",
        "drop_before_renewal",
    }
    assert grown == dict.fromkeys(silence, silence)
    assert absence_flags(CARD) == silence | {"reassess", "never_started"}


def test_silence_of_an_unhappy_customer_raises_one_alert_and_that_is_the_sharper() -> None:
    assert course((58, [*DAILY, nps(56.0, 3)]), (60, [*DAILY, nps(44, 3)]))[1] == {
        "silent_unhappy": "raised"
    }


def test_a_silence_that_becomes_sharper_takes_the_alert_over() -> None:
    ending = [*DAILY, renewal(152)]

    assert course((58, ending), (60, ending), (63, ending)) == [
        {},
        {"silent": "raised"},
        {"renewal_near": "raised", "silent_before_renewal": "escalated"},
    ]


def test_use_that_falls_because_of_a_silence_is_not_told_as_well() -> None:
    days = [(float(day), DAILY) for day in (58, 60, 63, 64, 65, 70)]

    assert course(*days) == [{}, {"silent": "raised"}, {}, {}, {}, {}]


def test_a_silence_after_falling_use_takes_the_alert_over_and_the_first_visit_ends_it() -> None:
    """After a pause of two weeks nobody can tell yet whether they use less."""
    fading = [*used(*range(60)), *used(*range(63, 130, 9))]  # daily, then every nine days
    steps = [(float(day), [h for h in fading if h[0] <= day]) for day in range(60, 144, 2)]
    back = [(146.0, [*fading, *used(145.9)])]

    told = [
        (int(day), said)
        for (day, _), said in zip([*steps, *back], course(*steps, *back), strict=True)
        if said
    ]

    assert [said for _, said in told] == [{"usage_drop": "raised"}, {"silent": "escalated"}]


def test_a_second_reason_beside_a_sharper_one_is_told_only_if_nobody_has_the_first_in_hand() -> (
    None
):
    unhappy = [*DAILY, nps(44, 3), renewal(152)]

    assert course((60, unhappy), (63, unhappy)) == [
        {"silent_unhappy": "raised"},
        {"renewal_near": "raised", "silent_before_renewal": "additional"},
    ]


def test_flags_without_relatives_are_left_alone() -> None:
    lonely = replace(
        CARD, flags=tuple(rule for rule in CARD.flags if not rule.of and not rule.by_habit)
    )

    assert alert_groups(lonely) == {}
