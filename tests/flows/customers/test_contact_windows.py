"""The hours to call rest on the customer's own acts."""

import json
from typing import Any

from healthsvc.core.instants import HOUR_US
from healthsvc.flows.customers.contact_windows import own_acts
from healthsvc.store.customers.activity_hours import Act
from healthsvc.wire.events.times import parse_instant
from healthsvc.wire.scorecards.document import compile_document

PROGRAM = compile_document("").program
AT_US = parse_instant("2026-11-30T10:00:00Z") or 0


def visit(**data: Any) -> Act:
    event = {
        "id": "v",
        "source": "web",
        "type": "page.viewed",
        "customer_id": "acme",
        "occurred_at": "2026-11-30T10:00:00Z",
        "data": {"url": "https://app.example.com/reports", **data},
    }
    return Act(AT_US, "page.viewed", json.dumps(event))


def test_visits_of_staff_and_robots_are_no_hours_of_the_customer() -> None:
    acts = [
        visit(),
        visit(impersonated_by="jo"),
        visit(user_agent="Googlebot/2.1"),
        visit(visitor="test"),
        Act(AT_US + HOUR_US, "ticket.opened", None),
    ]

    assert sorted(own_acts(acts, PROGRAM, AT_US + 2 * HOUR_US)) == [AT_US, AT_US + HOUR_US]


def test_a_customer_without_visits_has_the_hours_of_its_other_acts() -> None:
    acts = [Act(AT_US, "ticket.opened", None), Act(AT_US, "report.exported", None)]

    assert own_acts(acts, PROGRAM, AT_US) == [AT_US, AT_US]
