"""Evidence before a number: whose acts count, when there is a score, and who never came."""

import numpy as np
import pytest
import yaml

from healthsvc.core.decisions.decide import decide
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.phrases.coverage import coverage as coverage_sentence
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.core.scoring.coverage import coverage
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.core.folded import CARD, PROGRAM, Fold, at, flags, us
from tests.core.scoring.test_evaluate import FILED, Happening, contact, fold, page, used

SOLD: Happening = (0, "customer.updated", {"name": "Acme", "mrr": 500, "sold_at": at(0)})
CRM_RECORDS: list[Happening] = [
    SOLD,
    (1, "subscription.changed", {"mrr": 500}),
    contact(2, "positive"),
    (3, "customer.updated", {"owner": "jo"}),
]
OURS = ("email.delivered", "push.sent", "crm.synced", "EmailSent", "campaign.email.sent")


def sends(*days: float, type: str = "email.delivered") -> list[Happening]:
    return [(d, type, {}) for d in days]


def alerts(*happenings: Happening, day: float) -> set[str]:
    found = fold(*happenings).evaluate(us(day))
    changes = decide(PROGRAM, found, DecisionStates.undecided(1)).flags
    return {CARD.flags[c.flag].name for c in changes if c.alert}


def test_four_crm_records_and_no_use_are_no_score() -> None:
    found = fold(*CRM_RECORDS).evaluate(us(20))
    assert np.isnan(found.score[0])
    decisions = decide(PROGRAM, found, DecisionStates.undecided(1))
    assert decisions.after.band_index(0) == -1
    assert np.isnan(decisions.risk[0])


def test_three_acts_of_the_customers_own_are_a_score_and_two_are_none() -> None:
    assert np.isnan(fold(*CRM_RECORDS, *used(5, 6)).evaluate(us(20)).score[0])
    assert fold(*CRM_RECORDS, *used(5, 6, 7)).evaluate(us(8)).score[0] > 70


def test_a_customer_of_whom_only_page_views_are_known_has_a_score() -> None:
    found = fold(*(page(d, "home") for d in range(40, 50))).evaluate(us(50))
    assert 0.1 < found.coverage[0] < 0.2
    assert not np.isnan(found.score[0])


def test_without_a_score_the_flags_and_alerts_are_the_same() -> None:
    little: list[Happening] = [
        *CRM_RECORDS,
        (19.9, *FILED[1:]),
        (12.9, "invoice.overdue", {"invoice_id": "1"}),
    ]
    found = fold(*little).evaluate(us(20))
    assert np.isnan(found.score[0])
    assert {"complaint_open", "payment_overdue"} <= flags(found)
    assert {"complaint_open", "payment_overdue"} <= alerts(*little, day=20)


@pytest.mark.parametrize("event_type", OURS)
def test_what_we_send_does_not_break_silence(event_type: str) -> None:
    ours = sends(*range(22, 50), type=event_type)
    found = fold(*used(0, 0.1, 7, 7.1, 14, 14.1, 21, 21.1), *ours).evaluate(us(50))
    assert "silent" in flags(found)


@pytest.mark.parametrize("event_type", ["report.exported", "board.pinned", "email.opened"])
def test_what_customers_do_in_a_product_breaks_silence_without_being_declared(
    event_type: str,
) -> None:
    theirs = sends(*range(22, 50), type=event_type)
    found = fold(*used(0, 0.1, 7, 7.1, 14, 14.1, 21, 21.1), *theirs).evaluate(us(50))
    assert "silent" not in flags(found)


def declared(**table: object) -> Fold:
    document = yaml.safe_load(default_document()) | {"event_types": table}
    return Fold(program=compile_document(yaml.safe_dump(document)).program)


def test_the_table_of_event_types_has_the_last_word_on_activity_evidence_and_risk() -> None:
    events = [
        {
            "id": str(i),
            "source": "t",
            "type": "board.pinned",
            "customer_id": "a",
            "occurred_at": at(d),
        }
        for i, d in enumerate(range(40, 50))
    ]
    acts, neutral, trouble = (
        declared(),
        declared(neutral=["board.*"]),
        declared(trouble=["board.pinned"]),
    )
    for states in (acts, neutral, trouble):
        states.feed(events)
    found, ignored, troubled = (states.evaluate(us(50)) for states in (acts, neutral, trouble))
    assert not np.isnan(found.score[0])
    assert np.isnan(ignored.score[0])
    assert np.isnan(troubled.score[0])
    assert found.modelled_risk is not None
    assert ignored.modelled_risk is not None
    assert troubled.modelled_risk is not None
    assert found.modelled_risk[0] < ignored.modelled_risk[0] < troubled.modelled_risk[0]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"event_types": {"act": ["page.viewed"]}}, "/event_types/act/0"),
        ({"event_types": {"act": ["a.b"], "neutral": ["a.b"]}}, "/event_types/neutral/0"),
        ({"event_types": {"act": ["*.sent"]}}, "/event_types/act/0"),
        ({"event_types": {"default": "nothing"}}, "/event_types/default"),
        ({"event_types": {"acts": []}}, "/event_types/acts"),
        ({"risk": {"mapping": {"act": ["own.type"]}}}, "/risk/mapping/act"),
        ({"risk": {"mapping": {"default": "act"}}}, "/risk/mapping/default"),
        ({"evidence_measure": "nobody"}, "/evidence_measure"),
        ({"coverage_levels": {"medium": 0.7, "high": 0.5}}, "/coverage_levels/high"),
    ],
)
def test_a_table_or_a_need_of_evidence_that_cannot_work_is_refused_at_its_place(
    change: dict[str, object], place: str
) -> None:
    with pytest.raises(ScorecardError) as refused:
        compile_document(yaml.safe_dump(yaml.safe_load(default_document()) | change))
    assert refused.value.path == place


def test_a_scorecard_of_before_there_was_a_table_counts_every_event_as_it_did() -> None:
    document = yaml.safe_load(default_document())
    for key in ("event_types", "evidence_measure", "evidence_coverage", "coverage_levels"):
        del document[key]
    states = Fold(program=compile_document(yaml.safe_dump(document)).program)
    states.feed(
        [
            {"id": str(i), "source": "t", "type": type, "customer_id": "a", "occurred_at": at(i)}
            for i, type in enumerate(OURS)
        ]
    )
    found = states.evaluate(us(6))
    assert states.view(us(6)).count(0)[0] == len(OURS)
    assert not np.isnan(found.score[0])


def test_who_was_sold_and_never_came_has_never_started_from_the_day_on() -> None:
    states = fold(*CRM_RECORDS)
    f = CARD.flag_names.index("never_started")
    before = states.evaluate(us(30) - 1)
    assert not before.flags.holds[0, f]
    assert before.flags.change_us[0, f] == us(30)
    assert "never_started" in flags(states.evaluate(us(30)))
    assert "never_started" in alerts(*CRM_RECORDS, day=30)


def test_who_came_is_not_told_to_have_never_started_and_a_prospect_neither() -> None:
    assert "never_started" not in flags(fold(*CRM_RECORDS, *used(5, 6, 7)).evaluate(us(60)))
    assert "never_started" not in flags(
        fold((0, "customer.updated", {"name": "Lead"})).evaluate(us(60))
    )


def test_who_came_once_and_not_again_has_never_started_either() -> None:
    states = fold(*CRM_RECORDS, *used(20))
    assert "never_started" not in flags(states.evaluate(us(49)))
    assert "never_started" in flags(states.evaluate(us(50)))


def test_the_burst_of_setting_up_is_no_drop_in_the_first_weeks() -> None:
    setting_up: list[Happening] = [(h / 24, "feature.used", {"feature": "f"}) for h in range(60)]
    calm = used(*(float(d) for d in range(3, 25, 3)))
    found = fold(*setting_up, *calm).evaluate(us(25))
    assert CARD.variant_name(found.variant_of(0)) == "onboarding"
    assert "usage_drop" not in flags(found)
    assert found.score[0] > 70


def test_a_new_customer_that_stays_away_loses_marks_though_it_has_no_habit() -> None:
    comes = fold(*used(0, 1, 2, 3)).evaluate(us(8)).score[0]
    away = fold(*used(0, 1, 2, 3)).evaluate(us(16)).score[0]
    assert comes > away + 5


def test_coverage_is_told_as_low_medium_or_high_with_what_is_missing() -> None:
    states = fold(*(page(d, "home") for d in range(40, 50)))
    view = states.view(us(50))
    told = coverage(view, states.evaluate(us(50)), 0)
    assert (told.level, told.enough) == ("low", True)
    assert told.missing[0].measure == "feature_use"
    assert told.missing[0].types == ("feature.used",)
    assert sum(one.share for one in told.missing) == pytest.approx(1 - told.share)
    sentence = coverage_sentence("en", told)
    assert sentence.startswith("Little is known of this customer")
    assert "the frequency of feature use" in sentence
    assert coverage_sentence("pt", told).startswith("Pouco se sabe deste cliente")
