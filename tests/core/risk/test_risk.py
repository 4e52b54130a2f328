"""Churn risk: one core for the live service and the lab, with contributions that add up."""

import json
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from healthsvc.core.instants import DAY_US, to_us
from healthsvc.core.levels import LANDMARK_US
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.levels import CompiledRisk
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.model import (
    Model,
    Term,
    as_risk,
    contributions,
    log_odds,
    prior,
    risk,
    term_log_odds,
)
from healthsvc.core.risk.section import RiskRules, as_data, risk_rules
from healthsvc.core.risk.table import RiskTable
from healthsvc.core.scorecard.reader import ScorecardError
from tests.core.folded import PROGRAM, Fold, at, us
from tests.support.makers import make_event

HORIZON_US = 28 * DAY_US
FITTED = Model(
    "additive",
    "churn_probability",
    HORIZON_US,
    -2.5,
    (
        Term(Feature("log_count", "act", 14 * DAY_US), (0.0, 1.0, 3.0), (0.9, 0.1, -0.8), 0.1),
        Term(Feature("log_count", "type:login", 56 * DAY_US), (0.0, 2.0), (0.4, -0.4), 0.0),
        Term(
            Feature("mean_value", "any", 56 * DAY_US, scale=10.0),
            (0.0, 0.5, 1.0),
            (0.0, 0.3, -0.2),
            0.3,
        ),
        Term(Feature("trend", "act", 14 * DAY_US, 56 * DAY_US), (-1.0, 1.0), (0.6, -0.6), 0.0),
        Term(Feature("tenure"), (1.0, 5.0), (0.2, -0.2), 0.0),
        Term(Feature("recency"), (0.0, 4.0), (-0.3, 0.9), 0.0),
        Term(
            Feature("product", of=(Feature("recency"), Feature("log_count", "any", 28 * DAY_US))),
            (0.0, 6.0),
            (0.5, -0.5),
            0.1,
        ),
    ),
)
KINDS = ["login", "order.paid", "payment_failed", "order.refunded"]


def seen_by(model: Model, count: int, seed: int = 3) -> Any:
    """A table of `count` customers with random events, as of day 100."""
    rng = np.random.default_rng(seed)
    program = CompiledRisk(model.levels, lambda t: TypeMapping().judge(t).kind)
    table = RiskTable(program)
    table.reserve(count)
    n = 40 * count
    when = np.sort(LANDMARK_US + rng.integers(0, 100 * DAY_US, n))
    types = [KINDS[k] for k in rng.integers(0, len(KINDS), n)]
    table.fold(rng.integers(0, count, n), table.codes(types), when, rng.uniform(-5, 50, n))
    return table.snapshot(np.arange(count), LANDMARK_US + 100 * DAY_US)


@pytest.mark.parametrize("model", [prior(HORIZON_US), FITTED], ids=["prior", "fitted"])
def test_contributions_add_up_to_the_risk_to_the_digit(model: Model) -> None:
    seen = seen_by(model, 50)

    parts = contributions(model, seen)
    by_hand = [model.intercept] * 50
    for k in range(parts.shape[1]):
        by_hand = [total + part for total, part in zip(by_hand, parts[:, k].tolist(), strict=True)]

    assert log_odds(model, parts).tolist() == by_hand
    assert risk(model, seen).tolist() == as_risk(np.array(by_hand)).tolist()
    assert ((risk(model, seen) >= 0) & (risk(model, seen) <= 1)).all()


@pytest.mark.parametrize("model", [prior(HORIZON_US), FITTED], ids=["prior", "fitted"])
def test_one_customer_gives_the_same_bits_alone_and_among_many(model: Model) -> None:
    seen = seen_by(model, 37)
    many = risk(model, seen)

    for i in range(37):
        alone = type(seen)(
            seen.program, seen.sums[[i]], seen.first[[i]], seen.last[[i]], seen.now_us[[i]]
        )
        assert risk(model, alone)[0] == many[i]


def test_nothing_extrapolates_beyond_the_outer_knots() -> None:
    term = FITTED.terms[0]

    assert term_log_odds(term, np.array([-5.0, 0.0, 3.0, 99.0])).tolist() == [0.9, 0.9, -0.8, -0.8]


def test_a_wider_table_holds_the_same_bits() -> None:
    narrow, wide = (
        prior(HORIZON_US),
        CompiledRisk((*FITTED.levels, *prior(HORIZON_US).levels), _kind),
    )
    few = seen_by(narrow, 20)

    rng = np.random.default_rng(3)
    table = RiskTable(wide)
    table.reserve(20)
    when = np.sort(LANDMARK_US + rng.integers(0, 100 * DAY_US, 800))
    types = [KINDS[k] for k in rng.integers(0, len(KINDS), 800)]
    table.fold(rng.integers(0, 20, 800), table.codes(types), when, rng.uniform(-5, 50, 800))

    assert (
        risk(narrow, table.snapshot(np.arange(20), int(few.now_us[0]))).tolist()
        == risk(narrow, few).tolist()
    )


def test_levels_of_a_long_log_are_those_of_its_end_alone() -> None:
    model, day = prior(DAY_US), DAY_US
    found = []
    for begins in (
        0,
        19,
    ):  # years: the sums of a day's half-life can't hold what is further apart than some
        table = RiskTable(CompiledRisk(model.levels, _kind))
        table.reserve(2)
        when = np.array([1, *range(19 * 365 * day, 20 * 365 * day, 10 * day)], np.int64)[
            1 if begins else 0 :
        ]
        codes, start = table.codes(["login"] * len(when)), 0
        while start < len(when):
            end = int(np.searchsorted(when, table.bring_near(int(when[start])), side="right"))
            rows, part = np.zeros(end - start, np.int64), slice(start, end)
            table.fold(rows, codes[part], when[part], np.full(end - start, np.nan))
            start = end
        found.append(risk(model, table.snapshot(np.arange(2), int(when[-1]) + day)).tolist())

    assert found[0] == found[1]
    assert found[0][0] < found[0][1]


def _kind(event_type: str) -> Any:
    return TypeMapping().judge(event_type).kind


def test_live_equals_lab_bit_for_bit() -> None:
    rng = np.random.default_rng(11)
    pages = ["https://app.example.com/account/cancel", "https://app.example.com/home"]
    events = []
    for i in range(400):
        day = float(np.sort(rng.uniform(0, 60, 400))[i])
        kind = ["login", "payment_failed", "page.viewed", "session.started"][
            int(rng.integers(0, 4))
        ]
        data = {"url": pages[int(rng.integers(0, 2))]} if kind == "page.viewed" else {}
        who = f"c{rng.integers(0, 9)}"
        events.append(
            make_event(id=f"e{i}", type=kind, customer_id=who, occurred_at=at(day), data=data)
        )
    live = Fold()
    for start in range(0, 400, 57):
        live.feed(events[start : start + 57])
    live.restart()
    now = us(61)
    assert PROGRAM.risk_rules is not None
    mapping, model = PROGRAM.risk_rules.mapping, PROGRAM.risk_rules.model

    table = RiskTable(
        CompiledRisk(model.levels, lambda t: mapping.judge(t).kind, PROGRAM.landmark_us)
    )
    order = sorted({e["customer_id"] for e in events})
    table.reserve(len(order))
    types = [
        "page.viewed:cancel" if "cancel" in json.dumps(e["data"]) else str(e["type"])
        for e in events
    ]
    when = np.array([us_of(e) for e in events])
    rows = np.array([order.index(e["customer_id"]) for e in events])
    table.fold(rows, table.codes(types), when, np.full(400, np.nan))
    lab = risk(model, table.snapshot(np.arange(len(order)), now))

    found = live.evaluate(now, order)
    holds = found.flags.holds[:, PROGRAM.scorecard.flag_names.index("cancel_intent")]
    assert found.modelled_risk is not None
    assert found.modelled_risk[~holds].tolist() == lab[~holds].tolist()
    assert (found.modelled_risk[holds] >= 0.8).all()


def us_of(event: dict[str, Any]) -> int:
    return to_us(datetime.fromisoformat(event["occurred_at"]))


def test_a_section_is_read_back_as_it_was_written() -> None:
    rules = RiskRules(
        TypeMapping(kinds={"17": "trouble", "login": "act"}, default="neutral"), FITTED
    )

    assert risk_rules(json.loads(json.dumps(as_data(rules)))) == rules
    assert risk_rules({"horizon_days": 28, "model": "prior"}) == RiskRules(
        TypeMapping(), prior(HORIZON_US)
    )
    assert risk_rules(None) is None


def _with_term(term: dict[str, Any]) -> dict[str, Any]:
    return {"model": {"name": "additive", "kind": "ranking", "terms": [term]}}


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"horizon": 28}, "/risk/horizon"),
        ({"horizon_days": 1}, "/risk/horizon_days"),
        ({"horizon_days": "x"}, "/risk/horizon_days"),
        ({"mapping": {"troubel": []}}, "/risk/mapping/troubel"),
        ({"mapping": {"default": "nice"}}, "/risk/mapping/default"),
        ({"model": "magic"}, "/risk/model"),
        ({"model": {"name": "additive", "kind": "probability"}}, "/risk/model/kind"),
        (_with_term({"feature": "tenure", "at": [1, 1], "gives": [0, 1]}),
        "/risk/model/terms/0/at"),
        (_with_term({"feature": "log_count", "at": [1], "gives": [0]}),
        "/risk/model/terms/0/half_life_days"),
        (_with_term({"feature": "product", "of": [{"feature": "tenure"}], "at": [1], "gives": [0]}),
         "/risk/model/terms/0/of"),
        (_with_term({"feature": "product", "of": [{"feature": "tenure"}, {"feature": "product",
        "of": [
            {"feature": "tenure"}, {"feature": "recency"}]}], "at": [1], "gives": [0]}),
         "/risk/model/terms/0/of/1/feature"),
        (_with_term({"feature": "product", "of": [{"feature": "tenure"}, {"feature": "trend"}],
        "at": [1],
                     "gives": [0]}), "/risk/model/terms/0/of/1/half_life_days"),
    ],
)  # fmt: skip
def test_a_fault_in_the_section_is_told_with_its_path(section: dict[str, Any], path: str) -> None:
    with pytest.raises(ScorecardError) as caught:
        risk_rules(section)

    assert caught.value.path == path


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("purchase", "act"), ("feature.used", "act"), ("payment_failed", "trouble"),
        ("deadlineMissed", "trouble"),
        ("order_returned", "neutral"), ("survey.sent", "neutral"), ("subscription.cancelled",
        "outcome"),
        ("account_closed", "outcome"), ("cancel_page_viewed", "trouble"), ("page.viewed:cancel",
        "trouble"),
        ("page.viewed", "act"), ("42", "act"), ("", "act"),
    ],
)  # fmt: skip
def test_types_are_judged_by_their_words(event_type: str, kind: str) -> None:
    assert TypeMapping().judge(event_type).kind == kind
