"""Whose visits don't count: people of ours, robots, agents, test and trial accounts."""

from typing import Any

import pytest

from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire.events.catalogue import Envelope, PageViewed
from healthsvc.wire.events.decode import decode_one
from healthsvc.wire.events.rejects import Reject
from healthsvc.wire.pages.robots import is_robot
from healthsvc.wire.pages.visitors import VISITORS, Visitors
from healthsvc.wire.scorecards.document import compile_document
from tests.support.makers import as_json, make_event

ALL = Visitors({"not_counted": list(VISITORS)})
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36"
)


def visit(contact: str | None = None, type: str = "page.viewed", **data: Any) -> Envelope:
    own = {
        "page.viewed": {"url": "https://x.test/account/cancel"},
        "feature.used": {"feature": "f"},
    }
    sent = make_event(type=type, contact_id=contact, data=own.get(type, {}) | data)
    event = decode_one(as_json(sent).encode(), 1 << 62)
    assert isinstance(event, Envelope), event
    return event


@pytest.mark.parametrize("type", ["page.viewed", "feature.used", "session.started"])
@pytest.mark.parametrize(
    "data",
    [
        {"impersonated_by": "staff-7"},
        {"impersonated_by": True},
        {"user_agent": CHROME.replace("Chrome", "HeadlessChrome")},
        {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"user_agent": "GPTBot/1.0"},
        {"user_agent": "UptimeRobot/2.0"},
        *({"visitor": visitor} for visitor in VISITORS),
    ],
)
def test_a_visit_that_is_not_the_customers_does_not_count(type: str, data: dict[str, Any]) -> None:
    assert not ALL.is_counted(visit(type=type, **data))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"impersonated_by": False},
        {"impersonated_by": ""},
        {"user_agent": CHROME},
        {"user_agent": "acme-mobile/7.2 (Android 16)"},
        {"user_agent": "Mozilla/5.0 (Linux; Android 10; CUBOT_X30) Chrome/100 Mobile"},
        {"visitor": "customer", "user_agent": "GPTBot/1.0"},
    ],
)
def test_the_customers_own_visit_counts(data: dict[str, Any]) -> None:
    assert ALL.is_counted(visit("ada@acme.test", **data))


def test_an_http_client_on_a_page_is_a_robot_and_elsewhere_a_native_application() -> None:
    assert is_robot("okhttp/4.9.1", on_page=True)
    assert not is_robot("okhttp/4.9.1", on_page=False)


@pytest.mark.parametrize(
    ("contact", "counts"),
    [
        ("staff-7", False),
        ("jo", False),
        ("Jo@Ours.test", False),
        ("jo@sub.ours.test", True),
        ("jo@theirs.test", True),
        ("staff", True),
        (None, True),
    ],
)
def test_people_of_ours_are_known_by_contact_or_domain(contact: str | None, counts: bool) -> None:
    visitors = Visitors(
        {
            "not_counted": ["staff"],
            "staff_contacts": ["staff-*", "jo"],
            "staff_domains": ["ours.test"],
        }
    )

    assert visitors.is_counted(visit(contact)) is counts


def test_only_those_named_are_left_out() -> None:
    visitors = Visitors({"not_counted": ["staff"]})

    assert visitors.is_counted(visit(visitor="trial"))
    assert visitors.is_counted(visit(user_agent="GPTBot/1.0"))
    assert not visitors.is_counted(visit(impersonated_by="jo"))


def test_events_that_are_no_visits_count_whoever_sent_them() -> None:
    visitors = Visitors({"not_counted": list(VISITORS), "staff_contacts": ["staff-7"]})

    assert visitors.is_counted(visit("staff-7", type="ticket.opened", ticket_id="t1"))
    assert visitors.is_counted(visit("staff-7", type="export.done", visitor="robot"))


def test_without_the_section_everybody_counts() -> None:
    assert not Visitors(None)
    assert Visitors(None).is_counted(visit(visitor="robot"))


@pytest.mark.parametrize(
    ("section", "path"),
    [
        (["staff"], "/visitors"),
        ({"not_counted": ["robots"]}, "/visitors/not_counted/0"),
        ({"not_counted": "staff"}, "/visitors/not_counted"),
        ({"staff_contacts": ["*"]}, "/visitors/staff_contacts/0"),
        ({"staff_domains": [7]}, "/visitors/staff_domains/0"),
        ({"staff": ["jo"]}, "/visitors/staff"),
    ],
)
def test_a_section_that_cannot_be_used_says_where(section: Any, path: str) -> None:
    with pytest.raises(ScorecardError) as caught:
        Visitors(section)

    assert caught.value.path == path


def test_an_application_without_addresses_sends_titles() -> None:
    event = decode_one(as_json(make_event(data={"title": "Cancel plan"})).encode(), 1 << 62)

    assert isinstance(event, PageViewed)
    assert event.data.url is None
    assert compile_document("").program.kind_of_view(event) == "cancel"


@pytest.mark.parametrize(
    "data", [{}, {"url": None}, {"url": None, "title": None}, {"feature": "x"}]
)
def test_a_page_without_address_and_title_is_refused(data: dict[str, Any]) -> None:
    reject = decode_one(as_json(make_event(data=data)).encode(), 1 << 62)

    assert isinstance(reject, Reject)
    assert [(e.pointer, e.detail) for e in reject.errors] == [
        ("/data/url", "is required where there is no title")
    ]
