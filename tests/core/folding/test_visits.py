"""Visits of people of ours, of robots and of test accounts change nothing about the customer."""

from typing import Any

import numpy as np
import yaml

from healthsvc.core.events import VISIT_NOT_COUNTED
from healthsvc.wire.events.decode import decode_one
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.core.folded import PROGRAM, flags, us
from tests.core.scoring.test_evaluate import Happening, fold, used
from tests.support.makers import as_json, make_event

CANCEL = {"url": "https://app.example.com/account/cancel"}
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/120.0.0.0 Safari/537.36"
)
DAY = 60.0
STEADY = used(*range(60))


def cancel_page(**data: Any) -> Happening:
    return (DAY - 0.1, "page.viewed", CANCEL | data)


def test_a_look_at_the_cancel_page_by_the_customer_is_intent() -> None:
    assert "cancel_intent" in flags(fold(*STEADY, cancel_page()).evaluate(us(DAY)))


def test_staff_signed_in_as_the_customer_on_the_cancel_page_are_no_intent() -> None:
    held = flags(fold(*STEADY, cancel_page(impersonated_by="staff-7")).evaluate(us(DAY)))

    assert "cancel_intent" not in held


def test_a_robot_on_the_cancel_page_is_no_intent() -> None:
    assert "cancel_intent" not in flags(
        fold(*STEADY, cancel_page(user_agent=HEADLESS)).evaluate(us(DAY))
    )


def test_visits_of_others_do_not_break_silence() -> None:
    others: list[Happening] = [
        (80.0, "session.started", {"user_agent": HEADLESS}),
        (81.0, "feature.used", {"feature": "export", "visitor": "test"}),
        (82.0, "page.viewed", {"url": "https://app.example.com/", "visitor": "staff"}),
    ]

    assert "silent" in flags(fold(*STEADY, *others).evaluate(us(90)))


def test_score_and_risk_are_the_same_bits_as_without_the_visits_of_others() -> None:
    others: list[Happening] = [
        (59.1, "feature.used", {"feature": "new-one", "impersonated_by": "jo"}),
        (59.2, "session.started", {"visitor": "agent"}),
        (59.3, "page.viewed", {"url": "https://app.example.com/pricing", "visitor": "trial"}),
    ]
    alone, visited = fold(*STEADY), fold(*STEADY, *others)

    assert np.array_equal(alone.evaluate(us(DAY)).score, visited.evaluate(us(DAY)).score)
    assert np.array_equal(alone.states.risk[:1], visited.states.risk[:1])
    assert np.array_equal(alone.states.cells[:1], visited.states.cells[:1])


def test_the_lab_knows_such_visits_as_neutral() -> None:
    event = decode_one(
        as_json(make_event(data=CANCEL | {"visitor": "robot"})).encode(), now_us=1 << 62
    )

    assert PROGRAM.risk_type("page.viewed", event) == VISIT_NOT_COUNTED


def test_a_scorecard_without_the_section_counts_them_as_before() -> None:
    data = yaml.safe_load(default_document())
    del data["visitors"]
    program = compile_document(yaml.safe_dump(data)).program
    event = decode_one(
        as_json(make_event(data=CANCEL | {"visitor": "robot"})).encode(), now_us=1 << 62
    )

    extract = program.extract(["page.viewed"], [event])

    assert len(program.contributions(extract.signatures)[0]) > 0


def test_a_contact_of_ours_is_enough_where_the_scorecard_names_it() -> None:
    data = yaml.safe_load(default_document())
    data["visitors"]["staff_contacts"] = ["ada@example.com"]
    program = compile_document(yaml.safe_dump(data)).program
    event = decode_one(as_json(make_event(data=CANCEL)).encode(), now_us=1 << 62)

    extract = program.extract(["page.viewed"], [event])

    assert len(program.contributions(extract.signatures)[0]) == 0


def test_pages_that_no_rule_knows_are_counted() -> None:
    program = compile_document("").program
    events = [
        decode_one(as_json(make_event(data={"url": url})).encode(), now_us=1 << 62)
        for url in ("/reports/weekly", "/account/cancel", "/blog/news", "/reports/weekly")
    ]

    program.extract(["page.viewed"] * 4, events)

    assert program.take_unknown_pages() == 2
    assert program.take_unknown_pages() == 0


def test_a_remembered_user_agent_does_not_hide_who_else_came_with_it() -> None:
    chrome = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"
    own, staff, library = (
        {"user_agent": chrome},
        {"user_agent": chrome, "impersonated_by": "jo"},
        {"user_agent": "okhttp/4.9.1"},
    )
    sent = [
        make_event(data=CANCEL | own),
        make_event(data=CANCEL | staff),
        make_event(type="session.started", data=library),
        make_event(data=CANCEL | library),
    ]
    events = [decode_one(as_json(event).encode(), now_us=1 << 62) for event in sent]
    types = [event["type"] for event in sent]
    program = compile_document("").program

    for _ in range(2):
        signatures = program.extract(types, events).signatures
        assert set(program.contributions(signatures)[0].tolist()) == {0, 2}
