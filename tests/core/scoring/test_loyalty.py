"""Loyalty as the second axis beside risk, fit with the ideal profile, and the touch that a customer
should have."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.decisions.decide import decide
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.insights import touch
from healthsvc.core.insights.touch import SuggestedTier
from healthsvc.core.instants import SECOND_US
from healthsvc.core.scorecard.relationship import IcpCondition
from healthsvc.core.scorecard.texts import Text
from healthsvc.core.scoring import icp
from healthsvc.core.scoring.loyalty import (
    LoyaltyParts,
    loyalty_parts,
    loyalty_score,
    to_list,
    turns_us,
)
from tests.core.folded import PROGRAM, at, flags, us
from tests.core.scoring.test_evaluate import CANCELLED, FILED, Happening, contact, fold, nps, used

RULES = PROGRAM.relationship
assert RULES.loyalty is not None
assert RULES.touch is not None
LOYALTY, TOUCH = RULES.loyalty, RULES.touch
PARTS = [part.name for part in LOYALTY.parts]
AT = next(rule.at for rule in PROGRAM.scorecard.flags if rule.kind == "loyal")

REFERRED: Happening = (300, "referral.made", {"kind": "referral"})
LARGE: Happening = (0, "customer.updated", {"mrr": 50_000})
STEADY = used(*range(365))
HEAVY = used(*[d / 4 for d in range(4 * 365)])


def renewed(*days: float) -> list[Happening]:
    return [(d, "subscription.renewed", {}) for d in days]


def asked(days: float) -> Happening:
    return (days, "feature.requested", {"feature": "export"})


def found(*happenings: Happening, day: float = 365) -> LoyaltyParts:
    return loyalty_parts(fold(*happenings).view(us(day)), LOYALTY, RULES.heavy_use)


def score(*happenings: Happening, day: float = 365) -> float:
    return float(found(*happenings, day=day).loyalty[0])


def points(*happenings: Happening, day: float = 365) -> dict[str, float]:
    return dict(zip(PARTS, found(*happenings, day=day).points[0].tolist(), strict=True))


# Loyalty
# --------------------------------------------------------------------------------------------------


def test_loyalty_is_long_stay_repeat_purchase_and_recommending_not_a_large_account() -> None:
    large, small = [*STEADY, LARGE], [*STEADY, *renewed(100, 200), REFERRED, nps(350, 10)]
    assert score(*large) == score(*STEADY)
    assert score(*small) > 60 > 40 > score(*large)


GROUNDS: list[tuple[str, list[Happening]]] = [
    ("renewals", renewed(100)),
    ("renewals", renewed(100, 200)),
    ("recommends", [REFERRED]),
    ("recommends", [(300, "referral.made", {"kind": "review"}), REFERRED]),
    ("served_well", [(290, "complaint.filed", {"complaint_id": "1"}), (291, "complaint.resolved",
     {"complaint_id": "1"}), (292, "complaint.rated", {"complaint_id": "1", "rating": 5})]),
]  # fmt: skip


@pytest.mark.parametrize(("part", "happenings"), GROUNDS)
def test_each_act_of_loyalty_adds_to_it(part: str, happenings: list[Happening]) -> None:
    assert points(*STEADY, *happenings)[part] > points(*STEADY, *happenings[:-1])[part]


def test_loyalty_grows_with_the_stay_alone() -> None:
    days = [60, 200, 365, 730, 1000]
    stayed = [points(*used(*range(60)), day=day)["long_stay"] for day in days]
    assert stayed == sorted(stayed)
    assert stayed[-1] == stayed[-2] > stayed[-3]


def test_who_would_recommend_is_more_loyal_than_who_would_not_and_who_never_said_is_between() -> (
    None
):
    assert score(*STEADY, nps(350, 3)) < score(*STEADY) < score(*STEADY, nps(350, 10))
    assert score(*STEADY, nps(0, 3), day=366) == pytest.approx(
        score(*STEADY, day=366)
    )  # a year old: no longer said


def test_a_feature_request_counts_as_loyalty_of_a_heavy_user_alone() -> None:
    assert points(*HEAVY, asked(360))["asks_for_more"] > 0
    assert points(*STEADY, asked(360))["asks_for_more"] == 0
    assert score(*STEADY, asked(360)) == score(*STEADY)


def test_loyalty_is_unknown_with_too_little_evidence() -> None:
    assert np.isnan(score((0, "customer.updated", {"mrr": 9}), day=700))
    assert np.isnan(score(*used(0, 1, 2), day=700))
    assert score(*used(*range(12)), day=20) < 20  # known, and young


def test_contributions_of_loyalty_add_up_to_it_and_name_their_evidence() -> None:
    said = found(*HEAVY, *renewed(100), REFERRED, nps(350, 9), asked(360))
    assert float(said.points[0].sum()) == pytest.approx(float(said.loyalty[0]), abs=1e-9)
    assert (said.points <= said.best + 1e-9).all()
    assert float(said.best[0].sum()) == pytest.approx(100)
    shown = {
        name: (float(said.amount[0, p]), float(said.since_us[0, p])) for p, name in enumerate(PARTS)
    }
    assert shown["recommends"] == (1, us(300))
    assert shown["would_recommend"] == (9, us(350))
    assert shown["long_stay"] == (365, us(0))
    assert all(part.why for part in LOYALTY.parts)


def test_loyalty_is_beside_risk_and_not_its_opposite() -> None:
    loyal = [*STEADY, *renewed(100, 200), REFERRED, nps(350, 10)]
    fragile = fold(*loyal, (364, "page.viewed", {"url": "https://x.test/cancel"})).evaluate(us(365))
    assert {"loyal", "promoter", "cancel_intent"} <= flags(fragile)
    assert fragile.score[0] == 20
    assert flags(fold(*STEADY, LARGE).evaluate(us(365))).isdisjoint({"loyal", "promoter"})


def test_a_promoter_is_a_chance_for_ninety_days() -> None:
    assert "promoter" in flags(fold(nps(0, 9)).evaluate(us(89)))
    assert "promoter" not in flags(fold(nps(0, 9)).evaluate(us(90)))
    assert "promoter" not in flags(fold(nps(0, 8)).evaluate(us(1)))


STORY = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 300), st.just("subscription.renewed"), st.just({})),
        st.tuples(st.integers(0, 300), st.just("referral.made"), st.just({})),
        st.tuples(st.integers(0, 300), st.just("feature.requested"), st.just({})),
        st.tuples(st.integers(0, 300), st.just("survey.answered"),
        st.fixed_dictionaries({"survey": st.just("nps"),
                  "score": st.integers(0, 10)})),
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(STORY, st.integers(0, 300), st.sampled_from([1, 4]))
def test_time_alone_never_makes_or_ends_loyalty_before_the_instant_that_was_told(
    story: list[tuple[int, str, dict[str, Any]]], last: int, a_day: int
) -> None:
    state = fold(
        *used(*[last * i / (a_day * 60) for i in range(a_day * 60)]),
        *[(float(d), t, x) for d, t, x in story],
    )
    now = us(301)
    for _ in range(4):
        view = state.view(now)
        seen = loyalty_score(view, LOYALTY, RULES.heavy_use)
        turns = float(turns_us(view, LOYALTY, seen, AT)[0])
        holds = "loyal" in flags(state.evaluate(now))
        if turns == np.inf:
            assert holds == ("loyal" in flags(state.evaluate(us(3000))))
            break
        between = (
            [now + round((turns - now) * share) for share in (0.25, 0.5, 0.999)]
            if turns - now > SECOND_US
            else []
        )
        assert {"loyal" in flags(state.evaluate(t)) for t in between} <= {holds}
        now = int(turns) + 1


@settings(max_examples=15, deadline=None)
@given(st.permutations([*renewed(10, 20), REFERRED, nps(30, 9), asked(5), *used(*range(12))]))
def test_loyalty_is_the_same_in_any_order_of_events(happenings: list[Happening]) -> None:
    assert score(*happenings) == pytest.approx(
        score(*sorted(happenings, key=lambda h: (h[0], h[1]))), abs=1e-9
    )


def test_one_customer_has_the_same_bits_as_among_many() -> None:
    stories = {"a": [*STEADY, REFERRED], "b": [*HEAVY, asked(3)], "c": [FILED]}
    many = fold()
    for customer, happenings in stories.items():
        one = fold(*happenings)
        many.feed([
            {"id": f"{customer}{i}", "source": "t", "type": t, "customer_id": customer,
            "occurred_at": at(d), "data": x}
            for i, (d, t, x) in enumerate(happenings)
        ])  # fmt: skip
        alone = loyalty_parts(one.view(us(365)), LOYALTY, RULES.heavy_use)
        among = loyalty_parts(many.view(us(365)), LOYALTY, RULES.heavy_use)
        place = sorted(many.states.row_of).index(customer)
        assert alone.points[0].tobytes() == among.points[place].tobytes()
        assert alone.loyalty[:1].tobytes() == among.loyalty[place : place + 1].tobytes()


def test_lists_tell_loyalty_anew_only_when_it_became_known_or_moved_by_ten_points() -> None:
    view = fold(*STEADY, REFERRED).view(us(365))
    now = score(*STEADY, REFERRED)
    told = [
        to_list(view, np.array([True]), np.array([was]))[1][0]
        for was in (np.nan, now - 9.9, now + 9.9, now - 10)
    ]
    assert told == [True, False, False, True]
    kept, anew = to_list(view, np.array([False]), np.array([3.0]))
    assert (kept[0], anew[0]) == (3.0, False)


# Fit with the ideal profile
# -------------------------------------------------------------------------------------------

SOFTWARE = IcpCondition(
    attribute="industry",
    values=frozenset(["software"]),
    low=0,
    high=0,
    weight=2,
    why=Text("they stay"),
)
MIDDLE = IcpCondition(
    attribute="employees", values=None, low=20, high=500, weight=1, why=Text("not too large")
)
NEAR = IcpCondition(
    attribute="country",
    values=frozenset(["DE", "AT"]),
    low=0,
    high=0,
    weight=1,
    why=Text("we speak it"),
)
IDEAL = (SOFTWARE, MIDDLE, NEAR)
PROFILES: list[tuple[str, dict[str, Any], float | None]] = [
    (
        "all match",
        {"attributes.industry": "software", "attributes.employees": 20, "country": "AT"},
        1.0,
    ),
    (
        "the heavier one misses",
        {"attributes.industry": "farming", "attributes.employees": 500, "country": "DE"},
        0.5,
    ),
    ("too large", {"attributes.industry": "software", "attributes.employees": 501}, 2 / 3),
    ("what isn't known is left out", {"attributes.industry": "software"}, 1.0),
    (
        "an attribute of its own goes before the plain field",
        {"attributes.country": "FR", "country": "DE"},
        0.0,
    ),
    ("truth is no number", {"attributes.employees": True}, 0.0),
    ("nothing known", {"name": "Acme"}, None),
    ("cleared", {"attributes.industry": None, "country": ""}, None),
]


@pytest.mark.parametrize(
    ("profile", "fit"), [row[1:] for row in PROFILES], ids=[row[0] for row in PROFILES]
)
def test_fit_is_the_weight_of_what_matches_over_what_is_known(
    profile: dict[str, Any], fit: float | None
) -> None:
    said = icp.fit(profile, IDEAL)
    assert said.fit == pytest.approx(fit)
    assert [match.condition for match in said.matches] == list(IDEAL)


# Touch
# --------------------------------------------------------------------------------------------------


def suggestion(*happenings: Happening, day: float = 365) -> SuggestedTier | None:
    return touch.suggested(fold(*happenings).view(us(day)), 0, TOUCH, RULES.heavy_use)


TALKS = [contact(d, "neutral") for d in range(200, 365, 3)]
RARELY = [contact(d, "neutral") for d in range(0, 365, 14)]
TIERS: list[tuple[str, list[Happening], str, list[str]]] = [
    ("large spend", [LARGE], "high", ["spend"]),
    ("heavy use and little spend", [*HEAVY, (0, "customer.updated", {"mrr": 20})], "high", ["use"]),
    (
        "talks often and pays little",
        [*TALKS, (0, "customer.updated", {"mrr": 20})],
        "high",
        ["conversations"],
    ),
    ("all of them", [LARGE, *HEAVY, *TALKS], "high", ["spend", "use", "conversations"]),
    ("some spend", [(0, "customer.updated", {"mrr": 300})], "low", ["spend"]),
    (
        "talks now and then",
        [*RARELY, (0, "customer.updated", {"mrr": 20})],
        "low",
        ["conversations"],
    ),
    ("little of everything", [*STEADY, (0, "customer.updated", {"mrr": 20})], "tech", []),
]


@pytest.mark.parametrize(
    ("happenings", "tier", "reasons"), [row[1:] for row in TIERS], ids=[row[0] for row in TIERS]
)
def test_touch_is_suggested_by_spend_use_or_conversations_never_by_spend_alone(
    happenings: list[Happening], tier: str, reasons: list[str]
) -> None:
    said = suggestion(*happenings)
    assert said is not None
    assert (said.tier, [reason.reason for reason in said.reasons]) == (tier, reasons)
    assert all(reason.value >= reason.line for reason in said.reasons)


def test_no_touch_is_suggested_where_nothing_is_known() -> None:
    assert suggestion((0, "customer.updated", {"name": "Acme"})) is None


def test_who_has_left_is_not_loyal() -> None:
    loyal = [*STEADY, *renewed(100, 200), REFERRED, nps(350, 10)]
    gone = (360.0, *CANCELLED[1:])
    state = fold(*loyal, gone).evaluate(us(365))
    decided = decide(PROGRAM, state, DecisionStates.undecided(1))
    names = [
        rule.name
        for f, rule in enumerate(PROGRAM.scorecard.flags)
        if int(decided.after.flags[0]) >> f & 1
    ]
    assert "churned" in names
    assert "loyal" not in names
