"""Random histories of a few customers: every built-in type, times in any order, items that open and
close."""

import itertools
from typing import Any, Final

from hypothesis import strategies as st

from tests.core.folded import Event, at

CUSTOMERS: Final = ("acme", "bolt", "corp")
CONTACTS: Final = (None, None, "ada", "bob", "cyd")
SPAN_DAYS: Final = 120

_PAGES = ("cancel", "pricing", "help", "docs", "home")
_ANSWERS = (("nps", 0), ("nps", 6), ("nps", 9), ("csat", 1), ("csat", 5), ("ces", 2), ("ces", 7))
VARIANTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    *(("feature.used", {"feature": name}) for name in "aaaabbcdefgh"),
    *(("page.viewed", {"url": f"https://x.test/{page}"}) for page in _PAGES),
    ("session.started", {"session_id": "s"}),
    *(
        ("seats.changed", {"seats": seats, "active": active})
        for seats, active in ((10, 0), (10, 4), (20, 15))
    ),
    *(("survey.answered", {"survey": survey, "score": score}) for survey, score in _ANSWERS),
    *(
        ("survey.answered", {"survey": "nps", "score": score, "role": role})
        for score, role in ((2, "decider"), (10, "champion"), (7, "user"))
    ),
    *(("survey.sent", {"survey": survey}) for survey in ("nps", "csat")),
    *(("ticket.opened", {"ticket_id": i, "subject": "help"}) for i in "123"),
    *(("ticket.answered", {"ticket_id": i}) for i in "123"),
    *(("ticket.resolved", {"ticket_id": i, "rating": r}) for i in "123" for r in (1, 5)),
    *(("complaint.filed", {"complaint_id": i, "subject": "bad"}) for i in "12"),
    *(("complaint.resolved", {"complaint_id": i}) for i in "12"),
    *(("complaint.rated", {"complaint_id": i, "rating": r}) for i in "12" for r in (1, 3, 5)),
    *((f"invoice.{verb}", {"invoice_id": i}) for i in "12" for verb in ("paid", "overdue")),
    ("invoice.overdue", {"invoice_id": "2", "amount": 100.1, "due_at": at(30)}),
    *(("invoice.paid", {"invoice_id": "2", "amount": amount}) for amount in (40.05, 60.05)),
    ("invoice.credited", {"invoice_id": "2", "amount": 10}),
    ("invoice.voided", {"invoice_id": "1"}),
    ("ticket.reopened", {"ticket_id": "1"}),
    ("ticket.merged", {"ticket_id": "2", "into_ticket_id": "1"}),
    *(("subscription.changed", {"mrr": mrr}) for mrr in (10, 90)),
    *(("subscription.renewed", {"renewal_at": at(days)}) for days in (100, 200)),
    ("subscription.cancelled", {}),
    ("subscription.cancelled", {"effective_at": at(90)}),
    ("subscription.cancellation_withdrawn", {}),
    ("subscription.changed", {"mrr": 0}),
    *(("subscription.changed", {"mrr": 50, "subscription_id": i}) for i in "ab"),
    *(("subscription.cancelled", {"subscription_id": i}) for i in "ab"),
    ("subscription.renewed", {"subscription_id": "a"}),
    ("subscription.cancelled", {"subscription_id": "b", "effective_at": at(90)}),
    ("engagement.recorded", {"kind": "webinar"}),
    ("referral.made", {"kind": "review"}),
    ("feature.requested", {"feature": "z"}),
    ("champion.left", {"name": "Ada"}),
    *(
        ("contact.logged", {"outcome": outcome})
        for outcome in ("positive", "negative", "leaving", "no_answer")
    ),
    ("contact.logged", {"direction": "inbound"}),
    *(
        ("customer.updated", {"owner": o, "tier": t, "features_owned": 9})
        for o, t in (("jo", "high"), ("mo", "low"))
    ),
    *(("customer.updated", {"segment": s}) for s in ("smb", "labs")),
    ("customer.updated", {"stage": "advocacy"}),
    ("customer.updated", {"sold_at": at(50)}),
    ("customer.updated", {"renewal_at": at(150)}),
    *(
        ("override.set", {"score": s, "reason": "r", "author": "jo", "expires_at": at(days)})
        for s, days in ((90, 60), (10, 200))
    ),
    ("override.lifted", {}),
    ("operator.own", {"anything": 1}),
)
_HOURS = st.integers(0, SPAN_DAYS * 24)


@st.composite
def histories(
    draw: st.DrawFn, *, max_events: int = 40, customers: tuple[str, ...] = CUSTOMERS
) -> list[Event]:
    """A log: events in the order in which they were logged; ids are unique, times aren't in
    order."""
    event = st.tuples(
        st.sampled_from(VARIANTS), st.sampled_from(customers), _HOURS, st.sampled_from(CONTACTS)
    )
    drawn = draw(st.lists(event, min_size=1, max_size=max_events))
    return [
        {
            "id": f"e{i}",
            "source": "test",
            "type": type,
            "customer_id": customer,
            "occurred_at": at(hours / 24),
            "data": data,
        }
        | ({} if contact is None else {"contact_id": contact})
        for i, ((type, data), customer, hours, contact) in enumerate(drawn)
    ]


def splits(events: list[Event]) -> st.SearchStrategy[list[list[Event]]]:
    """The same log, cut into batches anywhere."""
    cuts = st.sets(st.integers(0, len(events)), max_size=6).map(
        lambda s: [0, *sorted(s), len(events)]
    )
    return cuts.map(lambda c: [events[a:b] for a, b in itertools.pairwise(c)])
