"""Variants: the first that fits judges, by the same levels; a customer that changes its place is
judged anew."""

from typing import Any

import numpy as np
import pytest

from healthsvc.core.decisions.decide import Decisions, decide
from healthsvc.core.folding import facts
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.folding.states import States
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.explain import contributions
from healthsvc.core.scoring.view import View
from tests.core.folded import PROGRAM, Fold, us
from tests.core.scoring.test_evaluate import Happening, _events, nps, page, used
from tests.core.varied import VARIANTS, VARIED, varied


def told(days: float, **profile: Any) -> Happening:
    return (days, "customer.updated", profile)


def fold(*happenings: Happening, program: CompiledScorecard = VARIED) -> Fold:
    made = Fold(program=program)
    made.feed(_events(list(happenings)))
    return made


def variant(
    *happenings: Happening, day: float = 60, program: CompiledScorecard = VARIED
) -> str | None:
    found = fold(*used(0, 1, 2), *happenings, program=program).evaluate(us(day))
    return program.scorecard.variant_name(found.variant_of(0))


@pytest.mark.parametrize(
    ("happenings", "day", "name"),
    [
        ([], 60, None),
        ([], 29, "new"),
        ([told(3, segment="labs")], 60, "labs"),
        ([told(3, segment="labs", tier="high")], 60, "labs"),
        ([told(3, segment="labs")], 29, "labs"),
        ([told(3, tier="high")], 60, "high touch"),
        ([told(3, tier="high", segment="smb")], 60, None),
        ([told(3, tier="low")], 60, None),
        ([told(3, segment="labs"), told(4, segment="smb")], 60, None),
        ([told(4, segment="labs"), told(3, segment="smb")], 60, "labs"),
        ([told(3, segment="labs"), told(4, segment="")], 60, None),
        ([told(3, stage="onboarding")], 60, "new"),
        ([told(3, stage="value")], 10, None),
    ],
)
def test_the_first_variant_that_fits_the_place_judges(
    happenings: list[Happening], day: float, name: str
) -> None:
    assert variant(*happenings, day=day) == name


def test_of_two_that_fit_the_one_declared_first_judges_however_narrow_the_other_is() -> None:
    wide = {"name": "wide", "when": {"segment": "labs"}, "evidence_events": 1}
    narrow = {"name": "narrow", "when": {"segment": "labs", "tier": "high"}, "evidence_events": 1}
    place = told(3, segment="labs", tier="high")
    assert variant(place, program=varied([wide, narrow]).program) == "wide"
    assert variant(place, program=varied([narrow, wide]).program) == "narrow"


def test_a_variant_judges_as_a_scorecard_that_says_the_same_of_everybody() -> None:
    """Bit for bit, by the levels that the variants share."""
    events = [
        *used(*range(20)),
        nps(3, 2),
        page(4, "pricing"),
        (5.0, "session.started", {}),
        told(6, segment="labs"),
    ]
    by_variant = fold(*events)
    card = VARIED.scorecard.variants[0].card
    rules = VARIED.relationship
    whole = CompiledScorecard(
        card, lambda url, _: "pricing" if url and "pricing" in url else None, relationship=rules
    )
    alone = fold(*events, program=whole)

    ours, theirs = by_variant.evaluate(us(40)), alone.evaluate(us(40))

    assert ours.variant_of(0) == 1
    for mine, other in (
        (ours.score, theirs.score),
        (ours.weight, theirs.weight),
        (ours.value, theirs.value),
        (ours.coverage, theirs.coverage),
        (ours.flags.holds, theirs.flags.holds),
        (ours.flags.change_us, theirs.flags.change_us),
    ):
        assert mine.tobytes() == other.tobytes()
    parts, others = (
        contributions(f.view(us(40)), e, 0) for f, e in ((by_variant, ours), (alone, theirs))
    )
    assert parts == others


def test_a_scorecard_whose_variants_fit_nobody_judges_as_one_without() -> None:
    events = [*used(*range(20)), nps(3, 2), page(4, "pricing"), told(6, segment="smb")]
    with_them, without = (
        fold(*events).evaluate(us(60)),
        fold(*events, program=PROGRAM).evaluate(us(60)),
    )
    assert with_them.score.tobytes() == without.score.tobytes()
    assert with_them.flags.holds.tobytes() == without.flags.holds.tobytes()


def test_folding_is_the_same_with_and_without_variants() -> None:
    events = [*used(*range(9)), told(6, segment="labs")]
    assert fold(*events).packed() == fold(*events, program=PROGRAM).packed()


def test_a_rule_that_a_variant_disables_holds_for_the_others_alone() -> None:
    looks = [page(40 + i / 10, "help/x") for i in range(6)]
    names = VARIED.scorecard.flag_names
    ours, theirs = (
        fold(*used(0, 1), *looks, told(2, segment=s)).evaluate(us(41)) for s in ("labs", "smb")
    )
    help_wanted = names.index("needs_help")
    assert not ours.flags.holds[0, help_wanted]
    assert theirs.flags.holds[0, help_wanted]


class Course:
    """One customer, decided as its events come."""

    def __init__(self, program: CompiledScorecard = VARIED) -> None:
        self.fold, self.decisions = Fold(program=program), DecisionStates.undecided(1)
        self.events: list[Happening] = []

    def decide(self, *happenings: Happening, day: float) -> Decisions:
        known = len(self.events)
        self.events += happenings
        self.fold.feed(_events(self.events)[known:])
        decisions = decide(self.fold.program, self.fold.evaluate(us(day)), self.decisions)
        self.decisions = decisions.after
        return decisions


def raised(decisions: Decisions, *, alerts: bool = True) -> list[str]:
    names = VARIED.scorecard.flag_names
    return [names[c.flag] for c in decisions.flags if c.kind == "raised" and c.alert == alerts]


def test_a_customer_that_changes_its_segment_is_judged_anew_at_once_and_quietly() -> None:
    course = Course()
    course.decide(*used(*range(40)), day=40)
    before = course.decide(day=48)
    assert not before.anew[0]

    moved = course.decide(told(48.5, segment="labs"), day=48.5)

    assert moved.anew[0]
    assert raised(moved) == []  # silent for five days is another judgement of the same behaviour
    assert raised(moved, alerts=False) == ["silent"]
    assert moved.history.tolist() == [0]
    assert moved.standings[0]
    assert all(not change.alert and change.anew for change in moved.bands)
    assert not course.decide(day=48.6).anew[0]


def test_what_began_since_the_last_decision_alerts_although_the_place_changed_with_it() -> None:
    course = Course()
    course.decide(*used(*range(40)), day=40)
    moved = course.decide(told(40.5, segment="labs"), page(40.6, "account/cancel"), day=40.6)
    assert moved.anew[0]
    assert raised(moved) == ["cancel_intent"]


def test_the_band_of_a_customer_judged_anew_is_the_natural_one_without_hysteresis_or_dwell() -> (
    None
):
    """Of a score between the floors of one variant and of the other."""
    course = Course()
    course.decide(
        *used(*range(0, 40, 2)),
        *[nps(1, 7)],
        *[(float(d), "session.started", {}) for d in (3, 9)],
        day=40,
    )
    score = float(course.fold.evaluate(us(40)).score[0])
    assert score > 71
    strict = varied(
        [{"name": "strict", "when": {"segment": "labs"}, "bands": {"healthy": min(100, score + 1)}}]
    )
    other = Course(strict.program)
    other.decide(*course.events, day=40)
    assert other.decisions.band[0] == 0

    moved = other.decide(told(40.1, segment="labs"), day=40.1)
    assert moved.bands[0].after == 1  # within the hysteresis of 3 below the floor
    back = other.decide(told(40.2, segment="smb"), day=40.2)
    assert back.bands[0].after == 0  # without a day of dwell
    assert not any(change.alert for change in (*moved.bands, *back.bands))


def test_a_stage_that_time_alone_ends_is_told_and_judged_at_its_instant() -> None:
    course = Course()
    first = course.decide(*used(*range(28)), day=28)
    assert first.due_us[0] <= us(30)
    assert not course.decide(day=30 - 1e-9).anew[0]
    assert course.decide(day=30).anew[0]


def test_leaving_is_behaviour_and_no_change_of_variant() -> None:
    course = Course(
        varied(
            [{"name": "v", "when": {"stage": ["adoption", "value"]}, "evidence_events": 1}]
        ).program
    )
    course.decide(*used(*range(40)), day=40)
    gone = course.decide((40.5, "subscription.cancelled", {}), day=41)
    assert not gone.anew[0]


def test_the_place_survives_the_database_and_any_order() -> None:
    events = [told(4, segment="labs"), told(3, segment="smb"), *used(1, 2), told(5, stage="value")]
    one, other = fold(*events), Fold(program=VARIED)
    other.feed(list(reversed(_events(events))))
    one.restart()
    for column in ("segment_code", "tier_code", "stage_code"):
        at = facts.COLUMN[column]
        assert one.states.facts[0, at] == other.states.facts[0, at]


def test_many_customers_of_several_variants_are_told_in_their_rows() -> None:
    states = States(VARIED, 8)
    states.admit([(c, i + 1, 0) for i, c in enumerate("abcdef")])
    states.facts[:6, facts.EVENTS] = 3
    states.facts[:6, facts.FIRST_SEEN] = us(0)
    for row, segment in enumerate(("labs", "smb", "labs", "", "labs", "smb")):
        states.facts[row, facts.COLUMN["segment_code"]] = fold(
            told(0, segment=segment)
        ).states.facts[0, facts.COLUMN["segment_code"]]
    found = evaluate(View(VARIED, states.cells[:6], states.facts[:6], np.full(6, us(99))))
    assert found.variant.tolist() == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("variant", "path", "detail"),
    [
        ({"when": {"segment": "a"}}, "/variants/0/name", "missing"),
        ({"name": "a"}, "/variants/0/when", "missing"),
        ({"name": "a", "when": {}}, "/variants/0/when", "at least one of segment, tier, stage"),
        ({"name": "a", "when": {"tier": "hihg"}}, "/variants/0/when/tier", "did you mean 'high'"),
        ({"name": "a", "when": {"stage": ["churned"]}}, "/variants/0/when/stage", "not allowed"),
        (
            {"name": "a", "when": {"segmnt": "x"}},
            "/variants/0/when/segmnt",
            "did you mean 'segment'",
        ),
        (
            {"measures": {"sesions": {"share": 1}}},
            "/variants/0/measures/sesions",
            "did you mean 'sessions'",
        ),
        (
            {"measures": {"sessions": {"feeds": []}}},
            "/variants/0/measures/sessions/feeds",
            "not known here",
        ),
        (
            {"measures": {"sessions": {"share": -1}}},
            "/variants/0/measures/sessions/share",
            "from 0 to 100",
        ),
        (
            {"measures": {"sessions": {"judge": {"kind": "habbit"}}}},
            "/variants/0/measures/sessions/judge/kind",
            "'habit'",
        ),
        (
            {"measures": {"contacts": {"share": 1}}},
            "/variants/0/measures/contacts/share",
            "isn't scored",
        ),
        ({"flags": {"silent": {"cap": 101}}}, "/variants/0/flags/silent/cap", "from 0 to 100"),
        ({"flags": {"silent": {"alert": "loud"}}}, "/variants/0/flags/silent/alert", "not allowed"),
        (
            {"flags": {"silent": {"measure": "nps"}}},
            "/variants/0/flags/silent/measure",
            "not known here",
        ),
        ({"bands": {"fine": 70}}, "/variants/0/bands/fine", "not allowed"),
        ({"bands": {"watch": 90}}, "/variants/0/bands", "fall from best to worst"),
        ({"dimensions": {"adopton": 1}}, "/variants/0/dimensions/adopton", "'adoption'"),
        ({"hysteresis": 99}, "/variants/0/hysteresis", "from 0 to 20"),
        ({"half_lives_days": [14, 90]}, "/variants/0/half_lives_days", "not known here"),
    ],
)
def test_what_is_wrong_in_a_variant_is_told_at_its_place(
    variant: dict[str, Any], path: str, detail: str
) -> None:
    named = (
        variant
        if {"name", "when"} & variant.keys()
        else {"name": "a", "when": {"segment": "x"}, **variant}
    )
    with pytest.raises(ScorecardError) as caught:
        varied([named])
    assert caught.value.path == path
    assert detail in caught.value.detail


def test_two_variants_of_one_name_are_refused() -> None:
    with pytest.raises(ScorecardError, match="there already"):
        varied([VARIANTS[0], VARIANTS[0]])
