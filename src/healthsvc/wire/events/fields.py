"""The meaning of each field of each built-in event type, a sentence a field; a test holds it
complete."""

from collections.abc import Mapping
from typing import Final

Meanings = Mapping[str, str]

_VISIT: Final[Mapping[str, str]] = {
    "visitor": (
        "Who came, where it isn't the customer: `staff`, `robot`, `agent`, `test` or `trial`; "
        "the scorecard's `visitors` leave them out. `customer` overrules what other fields suggest."
    ),
    "impersonated_by": "Who of yours was signed in as the customer: an id, or `true`.",
    "user_agent": "Browser or client; robots are known by it.",
}
_TICKET_ID: Final = "The ticket; the same id in all steps of one ticket."
_COMPLAINT_ID: Final = "The complaint; the same id in all steps of one complaint."
_INVOICE_ID: Final = "The invoice; the same id when it becomes overdue and when it is paid."
_SUBSCRIPTION_ID: Final = (
    "The subscription, if the customer may have several; those without an id are one."
)
_CURRENCY: Final = "ISO 4217 code of the amount."
_PLAN: Final = "Name of the plan from now on."
_MRR: Final = "Monthly recurring revenue from now on."
_RENEWAL: Final = "When the contract comes up for renewal."
_SURVEY_ID: Final = "The survey campaign, to match an answer with what was sent."

MEANINGS: Final[Mapping[str, Meanings]] = {
    "page.viewed": {
        "url": "Address of the page; the scorecard's `page_kinds` derive its kind from it. "
        "Needed where there is no `title`.",
        "kind": "Kind of the page; overrides what the URL suggests.",
        "title": "Title of the page.",
        "referrer": "Page that the visitor came from.",
        "feature": "Feature that the page is about.",
        **_VISIT,
    },
    "feature.used": {
        "feature": "Name of the feature.",
        "quantity": "How often it was used. Stored; an event counts once whatever it says.",
        **_VISIT,
    },
    "feature.requested": {
        "feature": "Feature concerned.",
        "title": "What is asked for, in a line.",
    },
    "session.started": {
        "session_id": "Your id of the session.",
        **_VISIT,
        "duration_seconds": "Length of the session, if known.",
    },
    "seats.changed": {"seats": "Seats paid for.", "active": "Seats in use."},
    "survey.sent": {"survey": "Kind of survey.", "survey_id": _SURVEY_ID},
    "survey.answered": {
        "survey": "Kind of survey; it decides the scale of `score`.",
        "score": "The answer: NPS is a whole number, CSAT and CES may be fractions.",
        "survey_id": _SURVEY_ID,
        "comment": "What the customer wrote.",
        "role": "Role of the person who answered; a champion's or decider's answer weighs more.",
    },
    "ticket.opened": {
        "ticket_id": _TICKET_ID,
        "subject": "Subject line.",
        "priority": "Priority in your support system.",
        "feature": "Feature that help is needed with.",
    },
    "ticket.answered": {"ticket_id": _TICKET_ID},
    "ticket.resolved": {
        "ticket_id": _TICKET_ID,
        "rating": "The customer's rating of the support, 5 is best.",
    },
    "ticket.reopened": {"ticket_id": _TICKET_ID, "reason": "Reason given."},
    "ticket.merged": {
        "ticket_id": "Your id of the ticket that is closed by merging it.",
        "into_ticket_id": "Your id of the ticket that goes on.",
    },
    "complaint.filed": {
        "complaint_id": _COMPLAINT_ID,
        "subject": "Subject line.",
        "severity": "Severity in your system.",
    },
    "complaint.resolved": {"complaint_id": _COMPLAINT_ID},
    "complaint.rated": {
        "complaint_id": _COMPLAINT_ID,
        "rating": "Rating of the handling: from 4 served well, up to 2 served badly.",
    },
    "invoice.paid": {
        "invoice_id": _INVOICE_ID,
        "amount": "Amount paid; the whole invoice if absent. Less than is owed leaves it overdue.",
        "currency": _CURRENCY,
    },
    "invoice.overdue": {
        "invoice_id": _INVOICE_ID,
        "amount": "Amount outstanding.",
        "currency": _CURRENCY,
        "due_at": "When payment was due.",
    },
    "invoice.credited": {
        "invoice_id": _INVOICE_ID,
        "amount": "Amount credited; the whole invoice if absent.",
        "currency": _CURRENCY,
    },
    "invoice.voided": {"invoice_id": _INVOICE_ID, "reason": "Reason given."},
    "invoice.written_off": {"invoice_id": _INVOICE_ID, "reason": "Reason given."},
    "subscription.changed": {
        "subscription_id": _SUBSCRIPTION_ID,
        "plan": _PLAN,
        "mrr": _MRR,
        "previous_mrr": "Monthly recurring revenue before; `mrr` less this is the change.",
        "currency": _CURRENCY,
        "renewal_at": _RENEWAL,
    },
    "subscription.renewed": {
        "subscription_id": _SUBSCRIPTION_ID,
        "plan": _PLAN,
        "mrr": _MRR,
        "renewal_at": "When the contract comes up for renewal next.",
        "term_months": "Length of the new term.",
    },
    "subscription.cancelled": {
        "subscription_id": _SUBSCRIPTION_ID,
        "reason": "Reason given.",
        "effective_at": "When the subscription ends; immediately if absent. A later date is notice "
        "given: until then the customer can be kept.",
    },
    "subscription.cancellation_withdrawn": {
        "subscription_id": _SUBSCRIPTION_ID,
        "reason": "Reason given.",
    },
    "engagement.recorded": {
        "kind": "Kind of engagement.",
        "name": "Name of the webinar, event or mailing.",
    },
    "referral.made": {"kind": "Kind of recommendation.", "name": "Whom or where it was made to."},
    "champion.left": {
        "name": "Name of the person who left.",
        "role": "Role of the person who left.",
    },
    "contact.logged": {
        "outcome": "How it went; `leaving`: they said that they will leave, which is notice, "
        "however friendly the talk was; `no_answer`: an attempt that reached nobody.",
        "channel": "Phone, e-mail, meeting …",
        "author": "Who of your team was in contact.",
        "note": "Notes on the conversation.",
        "direction": "Who started it: `outbound` is your team. Absent counts as outbound.",
    },
    "customer.updated": {
        "name": "Display name.",
        "owner": "Customer-success manager in charge.",
        "previous_owner": "Former owner; sent along when `owner` changes.",
        "segment": "Your segment, such as `smb`.",
        "tier": "Touch tier.",
        "stage": "Lifecycle stage; if nobody sends one, the scorecard derives it.",
        "parent_id": "Customer id of the parent company, for roll-ups.",
        "mrr": "Monthly recurring revenue.",
        "seats": "Seats paid for.",
        "features_owned": (
            "The features that the plan includes: their names as `feature.used` has them, or only"
            " their number. With names it can be said which were never used."
        ),
        "renewal_at": _RENEWAL,
        "sold_at": "When the customer was won; when it was first seen if absent.",
        "timezone": (
            "Time zone, for the hours to call: an IANA name, or one of Windows (mapped by CLDR)."
        ),
        "country": "ISO 3166 code of the country.",
        "attributes": (
            "Your own attributes, such as industry. `champion` names the main contact by"
            " `contact_id`."
        ),
    },
    "customer.linked": {
        "namespace": "The system that the id is of, such as `stripe`; links are made by sources.",
        "external_id": "The customer's id there.",
    },
    "override.set": {
        "score": "Health score that applies until the override ends.",
        "reason": "Why the score is overridden.",
        "author": "Who decided it.",
        "expires_at": "When it ends by itself.",
        "replaces": "Score at the time, for judging overrides later.",
    },
    "override.lifted": {"author": "Who lifted it.", "reason": "Why it was lifted."},
}
"""By type and field of `data`."""
