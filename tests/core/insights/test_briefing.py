"""Prepare before contact: each alert says what happened, what they use, money, open matters, and
how to begin."""

import json

import pytest

from healthsvc.core.insights.briefing import briefing
from healthsvc.core.instants import from_us
from healthsvc.flows.processing.decisions import briefing as briefings
from healthsvc.wire.webhooks import bodies
from tests.core.folded import CARD, us
from tests.core.scoring.test_evaluate import FILED, Happening, contact, fold, nps, page, used
from tests.core.test_field_signals import DAY, STEADY

FULL: list[Happening] = [
    *STEADY,
    (10, "session.started", {}),
    (
        1,
        "customer.updated",
        {"mrr": 500, "features_owned": 8, "renewal_at": "2026-05-20T09:00:00Z"},
    ),
    (40, "ticket.opened", {"ticket_id": "1"}),
    (50, "subscription.changed", {"mrr": 400, "previous_mrr": 500}),
    contact(30, "positive"),
    nps(55, 4),
    FILED,
    page(59, "account/cancel"),
]


def told(kind: str, *happenings: Happening) -> dict[str, object]:
    state = fold(*(happenings or FULL))
    view = state.view(us(DAY))
    return briefings.briefing(
        view, 0, kind, briefings.common_facts(view, state.evaluate(us(DAY)), 0, "en"), "en"
    )


def test_a_briefing_says_what_happened_what_they_use_money_and_open_matters() -> None:
    state = fold(*FULL)
    known = briefing(state.view(us(DAY)), state.evaluate(us(DAY)), 0)

    assert known.happened[0].flag == "cancel_intent"
    assert (known.use.functions_used, known.use.functions_owned) == (1, 8)
    assert {sign.sign for sign in known.money} == {"renewal_near", "contraction"}
    assert {sign.sign for sign in known.open_matters} >= {
        "complaint_open",
        "ticket_waiting",
        "low_nps",
    }
    assert (known.mrr, known.last_contact_us) == (400.0, us(30))


@pytest.mark.parametrize(
    "kind", [rule.name for rule in CARD.flags if rule.severity] + ["band_drop"]
)
def test_every_alert_has_a_question_to_open_with_in_both_languages_and_fits_a_webhook(
    kind: str,
) -> None:
    said = told(kind)

    question = said["question"]
    assert isinstance(question, dict)
    assert question["en"].endswith("?")
    assert question["pt"].endswith("?")
    assert question["en"] != question["pt"]
    data = {"id": "al_1", "detail": {"briefing": said}}
    body = bodies.body("alert.raised", from_us(us(DAY)), data)
    assert json.loads(body)["data"]["detail"]["briefing"]["happened"]


def test_of_an_unknown_customer_nothing_is_made_up() -> None:
    said = told("silent", *used(59))

    assert said["money"] == {"mrr": None, "renewal_at": None, "signs": []}
    assert said["open_matters"] == []
    assert said["last_contact_at"] is None
