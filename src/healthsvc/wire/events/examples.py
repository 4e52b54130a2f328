"""One good event of every built-in type, as schemas and API documents show it."""

from collections.abc import Mapping
from typing import Any, Final

DATA: Final[Mapping[str, Mapping[str, Any]]] = {
    "page.viewed": {"url": "https://example.com/account/cancel", "title": "Cancel your plan"},
    "feature.used": {"feature": "reports", "quantity": 2},
    "feature.requested": {"feature": "dark-mode", "title": "A dark mode, please"},
    "session.started": {"session_id": "s-1", "user_agent": "Firefox", "duration_seconds": 12.5},
    "seats.changed": {"seats": 25, "active": 19},
    "survey.sent": {"survey": "nps", "survey_id": "q2"},
    "survey.answered": {"survey": "nps", "score": 9, "survey_id": "q2", "comment": "Does its job"},
    "ticket.opened": {"ticket_id": "t-1", "subject": "Export fails", "priority": "high", "feature": "export"},
    "ticket.answered": {"ticket_id": "t-1"},
    "ticket.resolved": {"ticket_id": "t-1", "rating": 4},
    "complaint.filed": {"complaint_id": "c-1", "subject": "Third outage", "severity": "major"},
    "complaint.resolved": {"complaint_id": "c-1"},
    "complaint.rated": {"complaint_id": "c-1", "rating": 5},
    "invoice.paid": {"invoice_id": "i-1", "amount": 490.0, "currency": "EUR"},
    "invoice.overdue": {"invoice_id": "i-1", "amount": 490.0, "currency": "EUR", "due_at": "2026-04-30"},
    "subscription.changed": {"plan": "team", "mrr": 490.0, "previous_mrr": 990.0, "currency": "EUR"},
    "subscription.renewed": {"plan": "team", "mrr": 490.0, "renewal_at": "2027-01-01T00:00:00Z", "term_months": 12},
    "subscription.cancelled": {"reason": "Too dear", "effective_at": "2026-06-30"},
    "engagement.recorded": {"kind": "webinar", "name": "Spring news"},
    "referral.made": {"kind": "review", "name": "A review site"},
    "champion.left": {"name": "Ada Moss", "role": "Head of Support"},
    "contact.logged": {"outcome": "positive", "channel": "phone", "author": "jo", "note": "Wants the guide"},
    "override.set": {
        "score": 80,
        "reason": "They renewed by phone; the paper follows",
        "author": "jo",
        "expires_at": "2026-06-30T00:00:00Z",
        "replaces": 41.5,
    },
    "override.lifted": {"author": "jo", "reason": "The paper is here"},
    "customer.updated": {
        "name": "Acme",
        "owner": "jo",
        "segment": "retail",
        "tier": "high",
        "stage": "value",
        "mrr": 490.0,
        "seats": 25,
        "features_owned": 12,
        "renewal_at": "2027-01-01",
        "timezone": "Europe/Berlin",
        "country": "DE",
        "attributes": {"icp": 0.8, "region": "north", "vip": True, "old": None},
    },
}
"""Each type's data."""


def example(type: str) -> dict[str, Any]:
    """A whole event of the type."""
    return {
        "id": "evt-1",
        "source": "crm",
        "type": type,
        "customer_id": "acme",
        "contact_id": "ada@example.com",
        "occurred_at": "2026-05-04T09:30:00Z",
        "data": dict(DATA[type]),
    }
