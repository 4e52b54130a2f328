"""The event types that the service knows: one declaration each, from which everything else is
derived.

A declaration says what the type means to the risk (the customer's own act, neutral, trouble, or the
outcome), whether the customer itself acts, which facts it writes, and which step of a ticket,
complaint or invoice it is. Its data and its example are declared in `wire.events.catalogue`, under
the same name; `core.folding.facts` has the handler of each type that writes facts. A test holds the
three together. The operator's own types get their roles from the scorecard's `event_types`
(`core.risk.event_types`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

RiskRole = Literal["act", "neutral", "trouble", "outcome"]
"""What a type is to the churn risk: an act of the customer's own, nothing, trouble, or the churn
itself."""
ItemKind = Literal["ticket", "complaint", "invoice", "subscription", "voice"]
ItemMoment = Literal["opened", "answered", "closed", "rated", "paid", "credited"]
VoiceMoment = Literal["asked", "left", "named"]
ContractMoment = Literal["changed", "renewed", "cancelled", "withdrawn"]
Moment = ItemMoment | VoiceMoment | ContractMoment


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStep:
    """A step in the life of a ticket, complaint, invoice or subscription, named by its
    `<kind>_id`, or of a person who is asked for an answer."""

    kind: ItemKind
    moment: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A built-in event type."""

    name: str
    risk: RiskRole
    by_customer: bool = True
    """Whether somebody at the customer did it; False: a system or somebody of ours."""
    facts: tuple[str, ...] = ()
    """Facts (or parts of the profile) that the event writes by itself."""
    item: ItemStep | None = None


PAGE_VIEWED: Final = EventType(name="page.viewed", risk="act")
FEATURE_USED: Final = EventType(name="feature.used", risk="act")
FEATURE_REQUESTED: Final = EventType(name="feature.requested", risk="act")
SESSION_STARTED: Final = EventType(name="session.started", risk="act")
SEATS_CHANGED: Final = EventType(
    name="seats.changed", risk="neutral", by_customer=False, facts=("seats", "seats_active")
)
SURVEY_SENT: Final = EventType(
    name="survey.sent",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="voice", moment="asked"),
)
SURVEY_ANSWERED: Final = EventType(
    name="survey.answered",
    risk="act",
    facts=("nps", "csat", "ces"),
    item=ItemStep(kind="voice", moment="answered"),
)
TICKET_OPENED: Final = EventType(
    name="ticket.opened", risk="act", item=ItemStep(kind="ticket", moment="opened")
)
TICKET_ANSWERED: Final = EventType(
    name="ticket.answered",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="ticket", moment="answered"),
)
TICKET_RESOLVED: Final = EventType(
    name="ticket.resolved",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="ticket", moment="closed"),
)
TICKET_REOPENED: Final = EventType(
    name="ticket.reopened", risk="act", item=ItemStep(kind="ticket", moment="opened")
)
TICKET_MERGED: Final = EventType(
    name="ticket.merged",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="ticket", moment="closed"),
)
COMPLAINT_FILED: Final = EventType(
    name="complaint.filed", risk="trouble", item=ItemStep(kind="complaint", moment="opened")
)
COMPLAINT_RESOLVED: Final = EventType(
    name="complaint.resolved",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="complaint", moment="closed"),
)
COMPLAINT_RATED: Final = EventType(
    name="complaint.rated", risk="act", item=ItemStep(kind="complaint", moment="rated")
)
INVOICE_PAID: Final = EventType(
    name="invoice.paid",
    risk="act",
    by_customer=False,
    item=ItemStep(kind="invoice", moment="paid"),
)
INVOICE_OVERDUE: Final = EventType(
    name="invoice.overdue",
    risk="trouble",
    by_customer=False,
    item=ItemStep(kind="invoice", moment="opened"),
)
INVOICE_CREDITED: Final = EventType(
    name="invoice.credited",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="invoice", moment="credited"),
)
INVOICE_VOIDED: Final = EventType(
    name="invoice.voided",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="invoice", moment="closed"),
)
INVOICE_WRITTEN_OFF: Final = EventType(
    name="invoice.written_off",
    risk="neutral",
    by_customer=False,
    item=ItemStep(kind="invoice", moment="closed"),
)
SUBSCRIPTION_CHANGED: Final = EventType(
    name="subscription.changed",
    risk="neutral",
    by_customer=False,
    facts=("mrr", "mrr_change", "renewal_at", "changed_at"),
    item=ItemStep(kind="subscription", moment="changed"),
)
SUBSCRIPTION_RENEWED: Final = EventType(
    name="subscription.renewed",
    risk="neutral",
    by_customer=False,
    facts=("mrr", "renewal_at", "renewed_at"),
    item=ItemStep(kind="subscription", moment="renewed"),
)
SUBSCRIPTION_CANCELLED: Final = EventType(
    name="subscription.cancelled",
    risk="outcome",
    by_customer=False,
    facts=("cancel_effective", "cancelled_at"),
    item=ItemStep(kind="subscription", moment="cancelled"),
)
SUBSCRIPTION_CANCELLATION_WITHDRAWN: Final = EventType(
    name="subscription.cancellation_withdrawn",
    risk="neutral",
    by_customer=False,
    facts=("withdrawn_at",),
    item=ItemStep(kind="subscription", moment="withdrawn"),
)
ENGAGEMENT_RECORDED: Final = EventType(name="engagement.recorded", risk="act")
REFERRAL_MADE: Final = EventType(name="referral.made", risk="act")
CHAMPION_LEFT: Final = EventType(
    name="champion.left",
    risk="trouble",
    by_customer=False,
    item=ItemStep(kind="voice", moment="left"),
)
CONTACT_LOGGED: Final = EventType(
    name="contact.logged", risk="neutral", by_customer=False, facts=("replied_at",)
)
CUSTOMER_UPDATED: Final = EventType(
    name="customer.updated",
    risk="neutral",
    by_customer=False,
    facts=(
        "mrr",
        "seats",
        "features_owned",
        "renewal_at",
        "sold_at",
        "owner_changed_at",
        "profile",
    ),
    item=ItemStep(kind="voice", moment="named"),
)
CUSTOMER_LINKED: Final = EventType(name="customer.linked", risk="neutral", by_customer=False)
OVERRIDE_SET: Final = EventType(
    name="override.set", risk="neutral", by_customer=False, facts=("override",)
)
OVERRIDE_LIFTED: Final = EventType(
    name="override.lifted", risk="neutral", by_customer=False, facts=("override",)
)

EVENT_TYPES: Final = (
    PAGE_VIEWED,
    FEATURE_USED,
    FEATURE_REQUESTED,
    SESSION_STARTED,
    SEATS_CHANGED,
    SURVEY_SENT,
    SURVEY_ANSWERED,
    TICKET_OPENED,
    TICKET_ANSWERED,
    TICKET_RESOLVED,
    TICKET_REOPENED,
    TICKET_MERGED,
    COMPLAINT_FILED,
    COMPLAINT_RESOLVED,
    COMPLAINT_RATED,
    INVOICE_PAID,
    INVOICE_OVERDUE,
    INVOICE_CREDITED,
    INVOICE_VOIDED,
    INVOICE_WRITTEN_OFF,
    SUBSCRIPTION_CHANGED,
    SUBSCRIPTION_RENEWED,
    SUBSCRIPTION_CANCELLED,
    SUBSCRIPTION_CANCELLATION_WITHDRAWN,
    ENGAGEMENT_RECORDED,
    REFERRAL_MADE,
    CHAMPION_LEFT,
    CONTACT_LOGGED,
    CUSTOMER_UPDATED,
    CUSTOMER_LINKED,
    OVERRIDE_SET,
    OVERRIDE_LIFTED,
)
BY_NAME: Final[Mapping[str, EventType]] = {
    event_type.name: event_type for event_type in EVENT_TYPES
}
BUILTIN_TYPES: Final = frozenset(BY_NAME)
"""The names of the event types whose meaning the service knows; any other is the operator's own."""
NOT_BY_CUSTOMER: Final = frozenset(
    event_type.name for event_type in EVENT_TYPES if not event_type.by_customer
)
"""Types written by systems or by us: they tell nothing of the customer's own hours, nor of the
person they name."""

CANCEL_PAGE_VIEWED: Final = f"{PAGE_VIEWED.name}:cancel"
"""The name under which the risk's mapping knows a view of a cancel page."""
VISIT_NOT_COUNTED: Final = "visit:not_counted"
"""The name under which the risk's mapping knows a visit of anybody but the customer."""
RISK_ROLES: Final[Mapping[str, RiskRole]] = {
    **{event_type.name: event_type.risk for event_type in EVENT_TYPES},
    CANCEL_PAGE_VIEWED: "trouble",
    VISIT_NOT_COUNTED: "neutral",
}
