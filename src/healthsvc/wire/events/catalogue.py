"""The event types: one envelope, typed data per type; msgspec structs decode and check in one pass.

Unknown fields are refused in the envelope and allowed in `data`. The limits here are also what
`schemas` publishes.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, cast

from msgspec import Meta, Struct, field
from msgspec.json import Encoder

from healthsvc.core import events as core_events

LARGEST = 10**15  # beyond this a number is a mistake, and sums in doubles lose their cents
TYPE_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
TYPE_LENGTH = 100
NO_CONTROL_PATTERN = (  # ids end up in logs, URLs and PostgreSQL text
    r"^[^\u0000-\u001f\u007f-\u009f]*$"
)
DATA_DEPTH = 16


class Instant(datetime):
    """An instant within `data`, aware: sent as RFC 3339 with offset, or as a date, which is its
    midnight UTC."""


Id = Annotated[str, Meta(min_length=1, max_length=200)]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(max_length=200)]
Line = Annotated[str, Meta(max_length=2000)]
Prose = Annotated[str, Meta(max_length=20_000)]
Url = Annotated[str, Meta(min_length=1, max_length=8192)]
Currency = Annotated[
    str, Meta(min_length=3, max_length=3, pattern="^[A-Za-z]{3}$", description="ISO 4217 code")
]
Country = Annotated[
    str, Meta(min_length=2, max_length=2, pattern="^[A-Za-z]{2}$", description="ISO 3166 code")
]
Zone = Annotated[
    str, Meta(min_length=1, max_length=64, description="IANA time zone", examples=["Europe/Berlin"])
]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
FeatureNames = Annotated[list[Word], Meta(max_length=200)]
Positive = Annotated[float, Meta(gt=0, le=LARGEST)]
Amount = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Money = Annotated[float, Meta(ge=0, le=LARGEST)]
Stars = Annotated[float, Meta(ge=1, le=5)]

PageKind = Literal["cancel", "pricing", "support", "spec", "billing", "login", "other"]
VisitorMark = Literal["customer", "staff", "robot", "agent", "test", "trial"]
SurveyKind = Literal["nps", "csat", "ces"]
Tier = Literal["high", "low", "tech"]
Stage = Literal["onboarding", "adoption", "value", "expansion", "renewal", "advocacy"]
AttributeValue = (
    Annotated[str, Meta(max_length=2000)]
    | Annotated[int, Meta(ge=-LARGEST, le=LARGEST)]
    | Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
    | bool
    | None
)
Attributes = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=100)], AttributeValue], Meta(max_length=100)
]


Example = Mapping[str, Any]
"""Good `data` of a type, as schemas and API documents show it."""


class Data(Struct, frozen=True, gc=False, kw_only=True):
    """What an event says beyond its envelope; fields not listed are kept in the log and otherwise
    ignored."""

    one_of: ClassVar[tuple[str, ...]] = ()
    """Fields of which one must be there."""


class Envelope(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What every event has."""

    example_data: ClassVar[Example] = {}

    id: Annotated[
        Id,
        Meta(
            description=(
                "Unique within its source; a repeated (customer_id, source, id) is counted once."
            )
        ),
    ]
    source: Annotated[Id, Meta(description="The system that says so.", examples=["crm", "web"])]
    customer_id: Annotated[
        Id, Meta(description="The organisation that is scored.", examples=["acme"])
    ]
    contact_id: Annotated[Id, Meta(description="The person there.")] | None = None
    occurred_at: Annotated[
        str,
        Meta(
            max_length=64,
            description=(
                "When it happened: RFC 3339 with an offset or Z, from 1990 on, not in the future."
            ),
            examples=["2026-05-04T09:30:00Z"],
        ),
    ]


class VisitData(Data, frozen=True, kw_only=True):
    """Who came: the scorecard's `visitors` leave out whoever isn't the customer."""

    visitor: VisitorMark | None = None
    impersonated_by: Line | bool | None = None
    user_agent: Line | None = None


class PageData(VisitData, frozen=True, kw_only=True):
    """A page that someone of the customer looked at; applications without addresses send titles."""

    one_of: ClassVar[tuple[str, ...]] = ("url", "title")

    url: Url | None = None
    kind: PageKind | None = None
    title: Line | None = None
    referrer: Annotated[str, Meta(max_length=8192)] | None = None
    feature: Name | None = None

    def __post_init__(self) -> None:
        """Refuse a page without address and title; msgspec makes this a fault of the data."""
        if self.url is None and self.title is None:
            raise ValueError("url or title is required")


class FeatureUsedData(VisitData, frozen=True, kw_only=True):
    """A feature of the product that was used."""

    feature: Word
    quantity: Positive | None = None


class FeatureRequestedData(Data, frozen=True, kw_only=True):
    """A feature that the customer wishes for."""

    feature: Name | None = None
    title: Line | None = None


class SessionData(VisitData, frozen=True, kw_only=True):
    """Someone signed in."""

    session_id: Name | None = None
    duration_seconds: Money | None = None


class SeatsData(Data, frozen=True, kw_only=True):
    """Seats the customer pays for, and those in use."""

    seats: Count
    active: Count | None = None


class SurveySentData(Data, frozen=True, kw_only=True):
    """A survey that was sent; its answer, or none, tells something."""

    survey: SurveyKind
    survey_id: Name | None = None


class SurveyAnswer(Struct, frozen=True, gc=False, kw_only=True, tag_field="survey"):
    """What the answers to all kinds of survey share."""

    survey_id: Name | None = None
    comment: Prose | None = None
    role: Literal["champion", "decider", "user"] | None = None


class NpsAnswer(SurveyAnswer, frozen=True, kw_only=True, tag="nps"):
    """Would recommend: 0 to 10, whole."""

    survey: ClassVar[Literal["nps", "csat", "ces"]] = "nps"
    score: Annotated[int, Meta(ge=0, le=10)]


class CsatAnswer(SurveyAnswer, frozen=True, kw_only=True, tag="csat"):
    """Satisfaction: 1 to 5."""

    survey: ClassVar[Literal["nps", "csat", "ces"]] = "csat"
    score: Stars


class CesAnswer(SurveyAnswer, frozen=True, kw_only=True, tag="ces"):
    """Ease: 1 to 7."""

    survey: ClassVar[Literal["nps", "csat", "ces"]] = "ces"
    score: Annotated[float, Meta(ge=1, le=7)]


class TicketOpenedData(Data, frozen=True, kw_only=True):
    """A request for support."""

    ticket_id: Word
    subject: Line | None = None
    priority: Name | None = None
    feature: Name | None = None


class TicketData(Data, frozen=True, kw_only=True):
    """A step of a ticket that was opened."""

    ticket_id: Word


class TicketResolvedData(Data, frozen=True, kw_only=True):
    """A ticket that is done, perhaps rated."""

    ticket_id: Word
    rating: Stars | None = None


class TicketReopenedData(Data, frozen=True, kw_only=True):
    """A ticket that wasn't solved after all."""

    ticket_id: Word
    reason: Prose | None = None


class TicketMergedData(Data, frozen=True, kw_only=True):
    """A ticket that goes on as part of another one."""

    ticket_id: Word
    into_ticket_id: Word | None = None


class ComplaintFiledData(Data, frozen=True, kw_only=True):
    """The customer complains."""

    complaint_id: Word
    subject: Line | None = None
    severity: Name | None = None


class ComplaintData(Data, frozen=True, kw_only=True):
    """A complaint that was resolved."""

    complaint_id: Word


class ComplaintRatedData(Data, frozen=True, kw_only=True):
    """How the customer rates what was done about its complaint."""

    complaint_id: Word
    rating: Stars


class InvoicePaidData(Data, frozen=True, kw_only=True):
    """An invoice that was paid."""

    invoice_id: Word
    amount: Amount | None = None
    currency: Currency | None = None


class InvoiceOverdueData(Data, frozen=True, kw_only=True):
    """An invoice past its date."""

    invoice_id: Word
    amount: Amount | None = None
    currency: Currency | None = None
    due_at: Instant | None = None


class InvoiceCreditedData(Data, frozen=True, kw_only=True):
    """An invoice that needn't be paid in full: credited as a whole, or by an amount."""

    invoice_id: Word
    amount: Amount | None = None
    currency: Currency | None = None


class InvoiceVoidedData(Data, frozen=True, kw_only=True):
    """An invoice that is void."""

    invoice_id: Word
    reason: Prose | None = None


class InvoiceWrittenOffData(Data, frozen=True, kw_only=True):
    """An invoice that is no longer expected to be paid."""

    invoice_id: Word
    reason: Prose | None = None


class SubscriptionChangedData(Data, frozen=True, kw_only=True):
    """Plan or recurring revenue changed."""

    subscription_id: Word | None = None
    plan: Name | None = None
    mrr: Money | None = None
    previous_mrr: Money | None = None
    currency: Currency | None = None
    renewal_at: Instant | None = None


class SubscriptionRenewedData(Data, frozen=True, kw_only=True):
    """The contract goes on."""

    subscription_id: Word | None = None
    plan: Name | None = None
    mrr: Money | None = None
    renewal_at: Instant | None = None
    term_months: Annotated[int, Meta(ge=1, le=1200)] | None = None


class SubscriptionCancelledData(Data, frozen=True, kw_only=True):
    """The customer leaves."""

    subscription_id: Word | None = None
    reason: Prose | None = None
    effective_at: Instant | None = None


class CancellationWithdrawnData(Data, frozen=True, kw_only=True):
    """The customer stays after all."""

    subscription_id: Word | None = None
    reason: Prose | None = None


class EngagementData(Data, frozen=True, kw_only=True):
    """The customer took part in something beside the product."""

    kind: Literal["webinar", "event", "community", "email_opened", "email_clicked", "other"]
    name: Line | None = None


class ReferralData(Data, frozen=True, kw_only=True):
    """The customer spoke for us."""

    kind: Literal["referral", "case_study", "review"] | None = None
    name: Line | None = None


class ChampionLeftData(Data, frozen=True, kw_only=True):
    """The main contact left."""

    name: Name | None = None
    role: Name | None = None


class ContactLoggedData(Data, frozen=True, kw_only=True):
    """Someone of ours spoke, or tried to speak, with the customer."""

    outcome: Literal["positive", "neutral", "negative", "leaving", "no_answer"] | None = None
    channel: Name | None = None
    author: Name | None = None
    note: Prose | None = None
    direction: Literal["inbound", "outbound"] | None = None


class CustomerData(Data, frozen=True, kw_only=True):
    """The profile: fields left out (or null) stay as they are, an empty text clears, a null
    attribute is removed."""

    name: Name | None = None
    owner: Name | None = None
    previous_owner: Name | None = None
    segment: Name | None = None
    tier: Tier | None = None
    stage: Stage | None = None
    parent_id: Name | None = None
    mrr: Money | None = None
    seats: Count | None = None
    features_owned: Count | FeatureNames | None = None
    renewal_at: Instant | None = None
    sold_at: Instant | None = None
    timezone: Zone | None = None
    country: Country | None = None
    attributes: Attributes | None = None


class CustomerLinkedData(Data, frozen=True, kw_only=True):
    """Another system's id that stands for the customer."""

    namespace: Word
    external_id: Word


class OverrideData(Data, frozen=True, kw_only=True):
    """Somebody's own judgement, in place of the score, for a time."""

    score: Annotated[float, Meta(ge=0, le=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    author: Name
    expires_at: Instant
    replaces: Annotated[float, Meta(ge=0, le=100)] | None = None


class OverrideLiftedData(Data, frozen=True, kw_only=True):
    """The score speaks for itself again."""

    author: Name | None = None
    reason: Prose | None = None


class PageViewed(Envelope, frozen=True, kw_only=True, tag=core_events.PAGE_VIEWED.name):
    """Someone of the customer looked at a page."""

    data: PageData
    example_data: ClassVar[Example] = {
        "url": "https://example.com/account/cancel",
        "title": "Cancel your plan",
    }


class FeatureUsed(Envelope, frozen=True, kw_only=True, tag=core_events.FEATURE_USED.name):
    """A feature of the product was used."""

    data: FeatureUsedData
    example_data: ClassVar[Example] = {"feature": "reports", "quantity": 2}


class FeatureRequested(Envelope, frozen=True, kw_only=True, tag=core_events.FEATURE_REQUESTED.name):
    """The customer asked for a feature."""

    data: FeatureRequestedData = field(default_factory=FeatureRequestedData)
    example_data: ClassVar[Example] = {"feature": "dark-mode", "title": "A dark mode, please"}


class SessionStarted(Envelope, frozen=True, kw_only=True, tag=core_events.SESSION_STARTED.name):
    """Someone of the customer signed in."""

    data: SessionData = field(default_factory=SessionData)
    example_data: ClassVar[Example] = {
        "session_id": "s-1",
        "user_agent": "Firefox",
        "duration_seconds": 12.5,
    }


class SeatsChanged(Envelope, frozen=True, kw_only=True, tag=core_events.SEATS_CHANGED.name):
    """The number of seats, or of those in use, changed."""

    data: SeatsData
    example_data: ClassVar[Example] = {"seats": 25, "active": 19}


class SurveySent(Envelope, frozen=True, kw_only=True, tag=core_events.SURVEY_SENT.name):
    """A survey went out."""

    data: SurveySentData
    example_data: ClassVar[Example] = {"survey": "nps", "survey_id": "q2"}


class SurveyAnswered(Envelope, frozen=True, kw_only=True, tag=core_events.SURVEY_ANSWERED.name):
    """A survey came back."""

    data: NpsAnswer | CsatAnswer | CesAnswer
    example_data: ClassVar[Example] = {
        "survey": "nps",
        "score": 9,
        "survey_id": "q2",
        "comment": "Does its job",
    }


class TicketOpened(Envelope, frozen=True, kw_only=True, tag=core_events.TICKET_OPENED.name):
    """The customer asked for support."""

    data: TicketOpenedData
    example_data: ClassVar[Example] = {
        "ticket_id": "t-1",
        "subject": "Export fails",
        "priority": "high",
        "feature": "export",
    }


class TicketAnswered(Envelope, frozen=True, kw_only=True, tag=core_events.TICKET_ANSWERED.name):
    """Support answered."""

    data: TicketData
    example_data: ClassVar[Example] = {"ticket_id": "t-1"}


class TicketResolved(Envelope, frozen=True, kw_only=True, tag=core_events.TICKET_RESOLVED.name):
    """Support closed the matter."""

    data: TicketResolvedData
    example_data: ClassVar[Example] = {"ticket_id": "t-1", "rating": 4}


class TicketReopened(Envelope, frozen=True, kw_only=True, tag=core_events.TICKET_REOPENED.name):
    """A resolved ticket is open again."""

    data: TicketReopenedData
    example_data: ClassVar[Example] = {"ticket_id": "t-1", "reason": "It fails again"}


class TicketMerged(Envelope, frozen=True, kw_only=True, tag=core_events.TICKET_MERGED.name):
    """A ticket was merged into another one, and is closed itself."""

    data: TicketMergedData
    example_data: ClassVar[Example] = {"ticket_id": "t-2", "into_ticket_id": "t-1"}


class ComplaintFiled(Envelope, frozen=True, kw_only=True, tag=core_events.COMPLAINT_FILED.name):
    """The customer complained."""

    data: ComplaintFiledData
    example_data: ClassVar[Example] = {
        "complaint_id": "c-1",
        "subject": "Third outage",
        "severity": "major",
    }


class ComplaintResolved(
    Envelope, frozen=True, kw_only=True, tag=core_events.COMPLAINT_RESOLVED.name
):
    """The cause of a complaint was dealt with."""

    data: ComplaintData
    example_data: ClassVar[Example] = {"complaint_id": "c-1"}


class ComplaintRated(Envelope, frozen=True, kw_only=True, tag=core_events.COMPLAINT_RATED.name):
    """The customer rated how its complaint was dealt with."""

    data: ComplaintRatedData
    example_data: ClassVar[Example] = {"complaint_id": "c-1", "rating": 5}


class InvoicePaid(Envelope, frozen=True, kw_only=True, tag=core_events.INVOICE_PAID.name):
    """An invoice was paid."""

    data: InvoicePaidData
    example_data: ClassVar[Example] = {"invoice_id": "i-1", "amount": 490.0, "currency": "EUR"}


class InvoiceOverdue(Envelope, frozen=True, kw_only=True, tag=core_events.INVOICE_OVERDUE.name):
    """An invoice passed its date."""

    data: InvoiceOverdueData
    example_data: ClassVar[Example] = {
        "invoice_id": "i-1",
        "amount": 490.0,
        "currency": "EUR",
        "due_at": "2026-04-30",
    }


class InvoiceCredited(Envelope, frozen=True, kw_only=True, tag=core_events.INVOICE_CREDITED.name):
    """An invoice was credited, as a whole or by an amount."""

    data: InvoiceCreditedData
    example_data: ClassVar[Example] = {"invoice_id": "i-1", "amount": 90.0, "currency": "EUR"}


class InvoiceVoided(Envelope, frozen=True, kw_only=True, tag=core_events.INVOICE_VOIDED.name):
    """An invoice was voided: nothing is owed."""

    data: InvoiceVoidedData
    example_data: ClassVar[Example] = {"invoice_id": "i-1", "reason": "Billed twice"}


class InvoiceWrittenOff(
    Envelope, frozen=True, kw_only=True, tag=core_events.INVOICE_WRITTEN_OFF.name
):
    """An invoice was written off: payment is no longer expected."""

    data: InvoiceWrittenOffData
    example_data: ClassVar[Example] = {"invoice_id": "i-1", "reason": "Not worth the dispute"}


class SubscriptionChanged(
    Envelope, frozen=True, kw_only=True, tag=core_events.SUBSCRIPTION_CHANGED.name
):
    """The customer's plan or recurring revenue changed."""

    data: SubscriptionChangedData = field(default_factory=SubscriptionChangedData)
    example_data: ClassVar[Example] = {
        "subscription_id": "s-1",
        "plan": "team",
        "mrr": 490.0,
        "previous_mrr": 990.0,
        "currency": "EUR",
    }


class SubscriptionRenewed(
    Envelope, frozen=True, kw_only=True, tag=core_events.SUBSCRIPTION_RENEWED.name
):
    """The contract was renewed."""

    data: SubscriptionRenewedData = field(default_factory=SubscriptionRenewedData)
    example_data: ClassVar[Example] = {
        "subscription_id": "s-1",
        "plan": "team",
        "mrr": 490.0,
        "renewal_at": "2027-01-01T00:00:00Z",
        "term_months": 12,
    }


class SubscriptionCancelled(
    Envelope, frozen=True, kw_only=True, tag=core_events.SUBSCRIPTION_CANCELLED.name
):
    """The customer cancelled."""

    data: SubscriptionCancelledData = field(default_factory=SubscriptionCancelledData)
    example_data: ClassVar[Example] = {
        "subscription_id": "s-1",
        "reason": "Too dear",
        "effective_at": "2026-06-30",
    }


class CancellationWithdrawn(
    Envelope,
    frozen=True,
    kw_only=True,
    tag=core_events.SUBSCRIPTION_CANCELLATION_WITHDRAWN.name,
):
    """The customer withdrew its cancellation: the subscription goes on."""

    data: CancellationWithdrawnData = field(default_factory=CancellationWithdrawnData)
    example_data: ClassVar[Example] = {"subscription_id": "s-1", "reason": "Agreed on a price"}


class EngagementRecorded(
    Envelope, frozen=True, kw_only=True, tag=core_events.ENGAGEMENT_RECORDED.name
):
    """The customer took part in something."""

    data: EngagementData
    example_data: ClassVar[Example] = {"kind": "webinar", "name": "Spring news"}


class ReferralMade(Envelope, frozen=True, kw_only=True, tag=core_events.REFERRAL_MADE.name):
    """The customer recommended us."""

    data: ReferralData = field(default_factory=ReferralData)
    example_data: ClassVar[Example] = {"kind": "review", "name": "A review site"}


class ChampionLeft(Envelope, frozen=True, kw_only=True, tag=core_events.CHAMPION_LEFT.name):
    """Our main contact there left."""

    data: ChampionLeftData = field(default_factory=ChampionLeftData)
    example_data: ClassVar[Example] = {"name": "Ada Moss", "role": "Head of Support"}


class ContactLogged(Envelope, frozen=True, kw_only=True, tag=core_events.CONTACT_LOGGED.name):
    """We spoke, or tried to speak, with the customer."""

    data: ContactLoggedData = field(default_factory=ContactLoggedData)
    example_data: ClassVar[Example] = {
        "outcome": "positive",
        "channel": "phone",
        "author": "jo",
        "note": "Wants the guide",
    }


class CustomerUpdated(Envelope, frozen=True, kw_only=True, tag=core_events.CUSTOMER_UPDATED.name):
    """The customer's profile as its owner's systems know it."""

    data: CustomerData = field(default_factory=CustomerData)
    example_data: ClassVar[Example] = {
        "name": "Acme",
        "owner": "jo",
        "segment": "retail",
        "tier": "high",
        "stage": "value",
        "mrr": 490.0,
        "seats": 25,
        "features_owned": ["reports", "exports", "single-sign-on"],
        "renewal_at": "2027-01-01",
        "timezone": "Europe/Berlin",
        "country": "DE",
        "attributes": {
            "icp": 0.8,
            "region": "north",
            "champion": "ada@example.com",
            "vip": True,
            "old": None,
        },
    }


class CustomerLinked(Envelope, frozen=True, kw_only=True, tag=core_events.CUSTOMER_LINKED.name):
    """Another system's id came to stand for the customer."""

    data: CustomerLinkedData
    example_data: ClassVar[Example] = {"namespace": "stripe", "external_id": "cus_1"}


class OverrideSet(Envelope, frozen=True, kw_only=True, tag=core_events.OVERRIDE_SET.name):
    """Somebody judges the customer's health in place of the score, with a reason, until it expires
    or is lifted."""

    data: OverrideData
    example_data: ClassVar[Example] = {
        "score": 80,
        "reason": "They renewed by phone; the paper follows",
        "author": "jo",
        "expires_at": "2026-06-30T00:00:00Z",
        "replaces": 41.5,
    }


class OverrideLifted(Envelope, frozen=True, kw_only=True, tag=core_events.OVERRIDE_LIFTED.name):
    """An override ends before it expires."""

    data: OverrideLiftedData = field(default_factory=OverrideLiftedData)
    example_data: ClassVar[Example] = {"author": "jo", "reason": "The paper is here"}


class CustomEvent(Envelope, frozen=True, kw_only=True):
    """An event of a type of the operator's own: kept, shown and, where the scorecard names it,
    scored."""

    type: Annotated[str, Meta(min_length=1, max_length=TYPE_LENGTH)]
    data: dict[str, Any] = field(default_factory=dict)


BuiltinEvent = (
    PageViewed
    | FeatureUsed
    | FeatureRequested
    | SessionStarted
    | SeatsChanged
    | SurveySent
    | SurveyAnswered
    | TicketOpened
    | TicketAnswered
    | TicketResolved
    | TicketReopened
    | TicketMerged
    | ComplaintFiled
    | ComplaintResolved
    | ComplaintRated
    | InvoicePaid
    | InvoiceOverdue
    | InvoiceCredited
    | InvoiceVoided
    | InvoiceWrittenOff
    | SubscriptionChanged
    | SubscriptionRenewed
    | SubscriptionCancelled
    | CancellationWithdrawn
    | EngagementRecorded
    | ReferralMade
    | ChampionLeft
    | ContactLogged
    | CustomerUpdated
    | CustomerLinked
    | OverrideSet
    | OverrideLifted
)
Event = BuiltinEvent | CustomEvent

TYPE_NAMES: dict[type[Envelope], str] = {
    kind: str(kind.__struct_config__.tag) for kind in BuiltinEvent.__args__
}
BUILTIN_TYPES: dict[str, type[Envelope]] = {name: kind for kind, name in TYPE_NAMES.items()}
is_type_name = re.compile(TYPE_PATTERN.removesuffix("$")).fullmatch


def type_of(event: Envelope) -> str:
    """The event's type as it was sent, such as `page.viewed`."""
    return event.type if isinstance(event, CustomEvent) else TYPE_NAMES[type(event)]


def types_of(events: Sequence[Envelope]) -> list[str]:
    """`type_of` each, for the hot path."""
    names = list(map(TYPE_NAMES.get, map(type, events)))
    if None in names:
        return [name or type_of(event) for name, event in zip(names, events, strict=True)]
    return cast("list[str]", names)


def encode(event: Envelope) -> bytes:
    """The event as own-envelope JSON, so that decoding it gives the same event."""
    return _encode(event)


def _instant_text(value: object) -> str:
    if not isinstance(value, Instant):
        raise NotImplementedError(type(value))
    return value.isoformat()


_encode = Encoder(enc_hook=_instant_text).encode


def example(type: str) -> dict[str, Any]:
    """A whole event of a built-in type, as schemas and API documents show it."""
    return {
        "id": "evt-1",
        "source": "crm",
        "type": type,
        "customer_id": "acme",
        "contact_id": "ada@example.com",
        "occurred_at": "2026-05-04T09:30:00Z",
        "data": dict(BUILTIN_TYPES[type].example_data),
    }
