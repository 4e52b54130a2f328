"""What calls of each vendor become, by its documented payloads: a table."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from healthsvc.core.instants import to_us
from healthsvc.flows.sources.catalogue import built_in
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.sources.calls import MalformedCall, items_of
from healthsvc.wire.sources.mapping import MappedItem, map_item

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = 1767225600
STAMP = "2026-01-02T10:00:00Z"


def stripe(kind: str, previous: Any = None, **fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "object": {"id": "x_1", "customer": "cus_1", "currency": "brl"} | fields
    }
    if previous is not None:
        data["previous_attributes"] = previous
    return {"id": "evt_1", "object": "event", "created": AT, "type": kind, "data": data}


def price(amount: int, interval: str, **more: Any) -> dict[str, Any]:
    recurring = {"interval": interval, "interval_count": 1}
    return {
        "quantity": 2,
        "price": {"unit_amount": amount, "currency": "brl", "recurring": recurring},
    } | more


def hubspot(kind: str, name: str | None = None, value: str | None = None) -> list[Any]:
    return [
        {
            "eventId": 1,
            "subscriptionId": 2,
            "portalId": 3,
            "occurredAt": AT * 1000,
            "subscriptionType": kind,
            "objectId": 501,
            "propertyName": name,
            "propertyValue": value,
        }
    ]


def zendesk(kind: str, event: Any = None, **detail: Any) -> dict[str, Any]:
    about = {"id": "77", "organization_id": "9", "requester_id": "5", "priority": "HIGH"} | detail
    return {
        "id": "z1",
        "type": f"zen:event-type:{kind}",
        "time": STAMP,
        "detail": about,
        "event": event or {},
    }


def intercom(topic: str, **item: Any) -> dict[str, Any]:
    contacts = {"contacts": [{"id": "c1", "external_id": "u1"}]}
    about = {"type": "conversation", "id": "8", "contacts": contacts} | item
    return {"id": "n1", "topic": topic, "created_at": AT, "data": {"item": about}}


def rd(kind: str, **changes: Any) -> dict[str, Any]:
    contact = {"uuid": "r1", "email": "x@acme.test"} | changes.pop("contact", {})
    return {
        "event_type": kind,
        "event_identifier": "webinar",
        "event_timestamp": "2026-01-02T10:00:00.000-03:00",
        "contact": contact,
    } | changes


def mautic(kind: str, part: str, address: str | None = "x@acme.test", **fields: Any) -> Any:
    lead = {"id": 2, "fields": {"core": {"email": {"value": address}}}}
    return {f"mautic.{kind}": [{part: {"id": 1, "lead": lead} | fields, "timestamp": STAMP}]}


def segment(kind: str, **fields: Any) -> dict[str, Any]:
    item = {"type": kind, "messageId": "m-1", "userId": "u1", "timestamp": STAMP} | fields
    return {"sentAt": STAMP, "batch": [item], "context": {"library": {"name": "analytics-python"}}}


def posthog(event: str, **properties: Any) -> dict[str, Any]:
    item = {"event": event, "uuid": "p-1", "distinct_id": "u1", "timestamp": STAMP}
    return {"api_key": "k", "batch": [item | {"properties": properties}]}


ACTIVE = {"status": "active"}
CASES: list[tuple[str, str, Any, str, dict[str, Any]]] = [
    # source, case, call, type of the event, part of its data
    ("stripe", "new subscription", stripe("customer.subscription.created", **ACTIVE, items={"data": [price(49900, "month", current_period_end=AT)]}), "subscription.changed", {"mrr": 998.0, "currency": "BRL", "renewal_at": "2026-01-01T00:00:00.000Z"}),
    ("stripe", "yearly, former version", stripe("customer.subscription.updated", **ACTIVE, current_period_end=AT, items={"data": [price(120000, "year")]}), "subscription.changed", {"mrr": 200.0, "renewal_at": "2026-01-01T00:00:00.000Z"}),
    ("stripe", "half-empty subscription", stripe("customer.subscription.created", **ACTIVE), "subscription.changed", {"subscription_id": "x_1"}),
    ("stripe", "notice", stripe("customer.subscription.updated", {"cancel_at_period_end": False}, cancel_at_period_end=True, cancel_at=AT, **ACTIVE), "subscription.cancelled", {"effective_at": "2026-01-01T00:00:00.000Z"}),
    ("stripe", "notice withdrawn", stripe("customer.subscription.updated", {"cancel_at_period_end": True}, cancel_at_period_end=False, **ACTIVE), "subscription.cancellation_withdrawn", {}),
    ("stripe", "ended", stripe("customer.subscription.deleted", ended_at=AT, cancellation_details={"reason": "payment_failed"}), "subscription.cancelled", {"reason": "payment_failed"}),
    ("stripe", "paid", stripe("invoice.paid", amount_paid=49900), "invoice.paid", {"invoice_id": "x_1", "amount": 499.0}),
    ("stripe", "yen", stripe("invoice.paid", amount_paid=499, currency="jpy"), "invoice.paid", {"amount": 499}),
    ("stripe", "failed", stripe("invoice.payment_failed", amount_due=49900), "invoice.overdue", {"amount": 499.0}),
    ("stripe", "void", stripe("invoice.voided"), "invoice.voided", {}),
    ("stripe", "uncollectible", stripe("invoice.marked_uncollectible"), "invoice.written_off", {}),
    ("stripe", "credit", stripe("credit_note.created", invoice="in_1", amount=100), "invoice.credited", {"invoice_id": "in_1", "amount": 1.0}),
    ("stripe", "customer", stripe("customer.updated", id="cus_1", name="Acme"), "customer.updated", {"name": "Acme"}),
    ("stripe", "EventBridge", {"detail": stripe("invoice.paid", amount_paid=100)}, "invoice.paid", {"amount": 1.0}),
    ("hubspot", "name", hubspot("company.propertyChange", "name", "Acme"), "customer.updated", {"name": "Acme"}),
    ("hubspot", "owner", hubspot("company.propertyChange", "hubspot_owner_id", "77"), "customer.updated", {"owner": "77"}),
    ("hubspot", "any property", hubspot("company.propertyChange", "lifecyclestage", "customer"), "customer.updated", {"attributes": {"lifecyclestage": "customer"}}),
    ("zendesk", "opened", zendesk("ticket.created", subject="Export fails"), "ticket.opened", {"ticket_id": "77", "priority": "high"}),
    ("zendesk", "solved", zendesk("ticket.status_changed", {"previous": "OPEN", "current": "SOLVED"}), "ticket.resolved", {}),
    ("zendesk", "solved, lower case", zendesk("ticket.status_changed", {"previous": "open", "current": "solved"}), "ticket.resolved", {}),
    ("zendesk", "reopened", zendesk("ticket.status_changed", {"previous": "SOLVED", "current": "OPEN"}), "ticket.reopened", {}),
    ("zendesk", "merged", zendesk("ticket.merged", {"target_ticket_id": 78}), "ticket.merged", {"into_ticket_id": "78"}),
    ("zendesk", "answered", zendesk("ticket.comment_added", {"comment": {"is_public": True, "author": {"is_staff": True}}}), "ticket.answered", {}),
    ("zendesk", "rated", zendesk("ticket.satisfaction_score_changed", {"current": "BAD"}), "survey.answered", {"score": 1}),
    ("zendesk", "trigger", {"ticket_id": "77", "updated_at": STAMP, "status": "Solved", "organization_id": "9", "rating": "4"}, "ticket.resolved", {"rating": 4}),
    ("zendesk", "trigger of a new one", {"ticket_id": "77", "updated_at": STAMP, "status": "New", "organization_id": "9", "subject": "Help"}, "ticket.opened", {"subject": "Help"}),
    ("intercom", "opened", intercom("conversation.user.created", source={"subject": "Help"}), "ticket.opened", {"subject": "Help"}),
    ("intercom", "answered", intercom("conversation.admin.replied"), "ticket.answered", {}),
    ("intercom", "closed", intercom("conversation.admin.closed"), "ticket.resolved", {}),
    ("intercom", "rated", intercom("conversation.rating.added", conversation_rating={"rating": 2, "remark": "slow"}), "survey.answered", {"score": 2, "comment": "slow"}),
    ("intercom", "company", intercom("company.updated", company_id="acme", name="Acme"), "customer.updated", {"name": "Acme"}),
    ("rd_station", "converted", rd("WEBHOOK.CONVERTED"), "engagement.recorded", {"kind": "other", "name": "webinar"}),
    ("rd_station", "opportunity", rd("WEBHOOK.MARKED_OPPORTUNITY"), "engagement.recorded", {}),
    ("rd_station", "former form", {"leads": [{"id": "1", "email": "x@acme.test", "number_conversions": "3", "last_conversion": {"created_at": STAMP, "content": {"identificador": "ebook"}}}]}, "engagement.recorded", {"name": "ebook"}),
    ("mautic", "page", mautic("page_on_hit", "hit", url="https://a.test/p", dateHit=STAMP), "page.viewed", {"url": "https://a.test/p"}),
    ("mautic", "page of a former version", mautic("page_on_hit", "hit", id=None, trackingId="t", url="https://a.test/p", dateHit=STAMP), "page.viewed", {}),
    ("mautic", "form", mautic("form_on_submit", "submission", dateSubmitted=STAMP, form={"name": "Demo"}), "engagement.recorded", {"name": "Demo"}),
    ("mautic", "e-mail", mautic("email_on_open", "stat", dateRead=STAMP, email={"subject": "News"}), "engagement.recorded", {"kind": "email_opened"}),
    ("segment", "track", segment("track", event="report viewed", context={"groupId": "g1"}), "feature.used", {"feature": "report viewed"}),
    ("segment", "signed in", segment("track", event="Signed In"), "session.started", {}),
    ("segment", "page", segment("page", name="Pricing", properties={"url": "https://a.test/pricing"}), "page.viewed", {"url": "https://a.test/pricing"}),
    ("segment", "screen", segment("screen", name="Home"), "page.viewed", {"title": "Home"}),
    ("segment", "group", segment("group", groupId="g1", traits={"name": "Acme", "mrr": "490"}), "customer.updated", {"name": "Acme", "mrr": 490}),
    ("posthog", "capture", posthog("report viewed", **{"$groups": {"company": "g1"}}), "feature.used", {"feature": "report viewed"}),
    ("posthog", "single event without a time", {"api_key": "k", "event": "x", "distinct_id": "u1", "uuid": "p-1"}, "feature.used", {"feature": "x"}),
    ("posthog", "page", posthog("$pageview", **{"$current_url": "https://a.test/p"}), "page.viewed", {"url": "https://a.test/p"}),
    ("posthog", "group", posthog("$groupidentify", **{"$group_type": "company", "$group_key": "g1", "$group_set": {"name": "Acme"}}), "customer.updated", {"name": "Acme"}),
]  # fmt: skip
LINKS: list[tuple[str, Any, tuple[str, str], str]] = [
    ("stripe", stripe("customer.created", id="cus_1", metadata={"customer_id": "acme"}), ("stripe", "cus_1"), "acme"),
    ("hubspot", hubspot("company.propertyChange", "healthsvc_customer_id", "acme"), ("hubspot", "501"), "acme"),
    ("zendesk", zendesk("organization.external_id_changed", {"current": "acme"}, id="9"), ("zendesk", "9"), "acme"),
    ("intercom", intercom("company.created", id="i1", company_id="acme"), ("intercom", "i1"), "acme"),
    ("segment", segment("group", groupId="g1"), ("user", "u1"), "g1"),
    ("segment", segment("identify", traits={"company": {"id": "g1"}}), ("user", "u1"), "g1"),
    ("posthog", posthog("$identify", **{"$groups": {"company": "g1"}}), ("user", "u1"), "g1"),
]  # fmt: skip
IGNORED: list[tuple[str, Any, str]] = [
    ("stripe", stripe("balance.available"), "no rule"),
    ("stripe", stripe("invoice.payment_succeeded"), "says the same"),
    ("stripe", {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing"}, "thin event"),
    ("hubspot", hubspot("deal.propertyChange", "dealstage", "won"), "doesn't name the company"),
    ("hubspot", hubspot("contact.privacyDeletion"), "erased"),
    ("zendesk", zendesk("ticket.status_changed", {"previous": "SOLVED", "current": "CLOSED"}), "no rule"),
    ("zendesk", zendesk("user.created"), "no rule"),
    ("intercom", {"id": "n1", "topic": "ping", "created_at": AT, "data": {"item": {}}}, "test call"),
    ("rd_station", rd("WEBHOOK.NEW_KIND"), "no rule"),
    ("mautic", mautic("page_on_hit", "hit", None, url="https://a.test/p", dateHit=STAMP), "anonymous"),
    ("mautic", mautic("lead_points_change", "points"), "no rule"),
    ("segment", segment("alias", previousId="a"), "no customer"),
    ("segment", segment("identify", traits={"name": "Ada"}), "no customer"),
    ("posthog", posthog("$autocapture"), "PostHog's own"),
]  # fmt: skip
HALF_EMPTY: list[tuple[str, Any]] = [
    ("stripe", {"type": "invoice.paid"}),
    ("stripe", {"id": "evt_1", "type": "invoice.paid", "created": "x", "data": None}),
    ("hubspot", [{"subscriptionType": "company.propertyChange", "propertyName": "name"}]),
    ("zendesk", {"type": "zen:event-type:ticket.created"}),
    ("zendesk", zendesk("ticket.created", organization_id="0")),
    ("intercom", {"topic": "conversation.rating.added"}),
    ("rd_station", {"event_type": "WEBHOOK.CONVERTED", "contact": {"email": "x@gmail.com"}}),
    ("mautic", mautic("page_on_hit", "hit", "x@gmail.com", url="https://a.test")),
    ("segment", {"batch": [{"type": "track", "event": "x"}]}),
    ("posthog", {"batch": [{"event": "x", "uuid": "p-1"}]}),
]


def mapped(name: str, call: Any) -> list[MappedItem]:
    source = built_in()[name]
    items = items_of(source, msgspec.json.encode(call), NOW)
    return [map_item(source, index, item) for index, item in enumerate(items)]


@pytest.mark.parametrize(
    ("name", "call", "kind", "data"),
    [(name, call, kind, data) for name, _, call, kind, data in CASES],
    ids=[f"{case[0]}: {case[1]}" for case in CASES],
)
def test_a_call_becomes_a_good_event(name: str, call: Any, kind: str, data: dict[str, Any]) -> None:
    [item] = mapped(name, call)

    [event] = item.events
    batch = decode_batch([event.envelope("acme")], now_us=to_us(NOW), is_intake=True)
    assert batch.rejects == []
    assert event.fields["type"] == kind
    assert {key: event.fields["data"].get(key) for key in data} == data
    assert event.fields["source"] == name


@pytest.mark.parametrize(("name", "call", "linked", "customer"), LINKS)
def test_a_call_that_names_our_customer_links_it(
    name: str, call: Any, linked: tuple[str, str], customer: str
) -> None:
    [item] = mapped(name, call)

    [link] = item.links
    assert ((link.name.namespace, link.name.id), link.customer_id) == (linked, customer)


@pytest.mark.parametrize(("name", "call", "reason"), IGNORED)
def test_what_the_mapping_has_no_use_for_is_ignored_with_a_reason(
    name: str, call: Any, reason: str
) -> None:
    [item] = mapped(name, call)

    assert item.events == ()
    assert reason in str(item.ignored)


@pytest.mark.parametrize(("name", "call"), HALF_EMPTY)
def test_a_half_empty_call_is_rejected_with_places(name: str, call: Any) -> None:
    [item] = mapped(name, call)

    assert item.events == ()
    assert item.faults
    assert all(fault.pointer.startswith("/") and fault.detail for fault in item.faults)


@pytest.mark.parametrize("name", sorted(built_in()))
@pytest.mark.parametrize("call", [None, 7, "x", [], [None, 7, "x", []], {}, {"batch": [[]]}])
def test_odd_json_raises_nothing_but_a_refusal(name: str, call: Any) -> None:

    try:
        items = mapped(name, call)
    except MalformedCall:
        return
    assert all(item.events == () for item in items)


def test_the_same_call_of_hubspot_has_the_same_id_whatever_its_attempt() -> None:
    first = mapped(
        "hubspot", [hubspot("company.propertyChange", "name", "A")[0] | {"attemptNumber": 0}]
    )
    again = mapped(
        "hubspot", [hubspot("company.propertyChange", "name", "A")[0] | {"attemptNumber": 3}]
    )

    assert first[0].events[0].fields["id"] == again[0].events[0].fields["id"]


@pytest.mark.parametrize(
    ("library", "sent_at", "occurred_at"),
    [
        ("analytics.js", "2026-03-02T08:59:30Z", "2026-03-02T08:00:00Z"),
        ("analytics.js", "2026-03-02T07:00:00Z", "2026-03-02T10:00:00+00:00"),
        ("analytics-node", "2026-03-02T07:00:00Z", "2026-03-02T08:00:00Z"),
    ],
    ids=["small skew", "wrong clock of a device", "a server's frozen sentAt"],
)
def test_the_time_is_corrected_only_where_a_devices_clock_is_clearly_wrong(
    library: str, sent_at: str, occurred_at: str
) -> None:
    call = segment("track", event="x", timestamp="2026-03-02T08:00:00Z")
    call |= {"sentAt": sent_at, "context": {"library": {"name": library}}}

    [item] = mapped("segment", call)

    assert item.events[0].fields["occurred_at"] == occurred_at
