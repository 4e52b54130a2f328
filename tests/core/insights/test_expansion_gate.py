"""The expansion gate: nothing more is offered while the relationship is fragile, and the reason is
said."""

import pytest

from healthsvc.core.insights import expansion_gate
from healthsvc.core.insights.expansion_gate import ClosedGate
from healthsvc.core.phrases.expansion import closed
from tests.core.folded import CARD, at, us
from tests.core.scoring.test_evaluate import (
    CANCELLED,
    FILED,
    OVERDUE,
    Happening,
    contact,
    fold,
    nps,
    page,
    used,
)

WELL = [*used(*range(100)), nps(95, 9)]
AT_RISK = [band.name for band in CARD.bands].index("at_risk")


def against(
    *happenings: Happening, day: float = 100, stage: str | None = "value", band: int | None = 0
) -> list[ClosedGate]:
    state = fold(*happenings)
    return expansion_gate.expansion(
        state.view(us(day)), state.evaluate(us(day)), 0, stage=stage, band=band
    )


def reasons(closed: list[ClosedGate]) -> list[str]:
    return [c.flag or c.reason for c in closed]


def test_a_sound_relationship_may_be_offered_more() -> None:
    assert against(*WELL) == []


def test_what_only_asks_for_attention_leaves_the_gate_open() -> None:
    prices = [page(99, "pricing"), page(99, "plans")]
    renewal: Happening = (1, "customer.updated", {"renewal_at": at(150)})
    assert against(*WELL, *prices, renewal) == []


FRAGILE: list[tuple[str, list[Happening], list[str]]] = [
    ("an open complaint", [FILED], ["complaint_open"]),
    ("an overdue invoice", [OVERDUE], ["invoice_overdue"]),
    ("a look at the cancel page", [page(99, "account/cancel")], ["cancel_intent", "band_critical"]),
    ("a detractor", [nps(99, 3)], ["detractor"]),
    ("the champion left", [(99, "champion.left", {})], ["champion_left"]),
    (
        "a plan just made larger",
        [(90, "subscription.changed", {"mrr": 900, "previous_mrr": 500})],
        ["just_sold"],
    ),
    (
        "a plan just made smaller",
        [(60, "subscription.changed", {"mrr": 500, "previous_mrr": 900})],
        ["contraction"],
    ),
    ("the subscription ended", [CANCELLED], ["churned"]),
]


@pytest.mark.parametrize(
    ("happenings", "why"), [row[1:] for row in FRAGILE], ids=[row[0] for row in FRAGILE]
)
def test_nothing_is_offered_while_the_relationship_is_fragile(
    happenings: list[Happening], why: list[str]
) -> None:
    assert [r for r in reasons(against(*WELL, *happenings)) if not r.startswith("band_at")] == why


def test_cancel_intent_keeps_the_gate_closed_until_someone_spoke_and_it_was_quiet() -> None:
    told = [page(80, "account/cancel"), contact(81, "positive")]
    assert "cancel_intent" in reasons(against(*WELL, *told, day=93))
    assert against(*WELL, *told, day=100) == []


def test_a_customer_just_won_is_left_to_find_value_first() -> None:
    won: list[Happening] = [
        *used(*range(40)),
        nps(20, 9),
        (0, "customer.updated", {"sold_at": at(10)}),
    ]
    assert against(*won, day=39) == [ClosedGate(reason="just_sold", since_us=us(10))]
    assert against(*won, day=40) == []


def test_of_a_customer_that_is_new_to_us_no_sale_is_claimed() -> None:
    seen = [*used(*range(29)), nps(20, 9)]
    long_ago: Happening = (1, "customer.updated", {"sold_at": at(-400)})
    assert against(*seen, day=29) == [ClosedGate(reason="first_seen_lately", since_us=us(0))]
    assert against(*seen, *used(29, 30), day=30) == []
    assert against(*seen, long_ago, day=29) == []


def test_onboarding_as_the_team_says_it_counts_however_long_it_takes() -> None:
    assert reasons(against(*WELL, stage="onboarding")) == ["onboarding"]


def test_too_little_evidence_is_no_permission() -> None:
    surveyed: list[Happening] = [(0, "customer.updated", {"name": "Acme"})]
    assert reasons(against(*surveyed, band=None)) == ["not_enough_evidence"]


def test_the_band_that_is_shown_closes_the_gate_even_where_the_score_has_just_recovered() -> None:
    assert reasons(against(*WELL, band=AT_RISK)) == ["band_at_risk"]


def test_every_reason_is_said_in_words_and_since_when() -> None:
    complaint, *_ = against(*WELL, FILED)
    assert complaint.since_us == us(0)
    assert closed("en", complaint, None) == "A complaint is open: resolve it first."
    assert "band “at risk”" in closed("en", ClosedGate(reason="band_at_risk"), None)
    assert closed("en", ClosedGate(reason="red_flag", flag="silent"), "Has gone silent").startswith(
        "Has gone silent"
    )
