"""The shapes of REST requests and answers: what OpenAPI shows, and what comes in is checked against.

These models stay at the border: nothing further in takes or returns one.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict, JsonValue

from healthsvc.wire.api_keys import Scope
from healthsvc.wire.cursors import MAX_LENGTH as CURSOR_LENGTH
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest_field import DisagreementTold, Expansion, HelpWanted, PriceReview

ItemT = TypeVar("ItemT")

DEFAULT_LIMIT = 50
MAX_LIMIT = 250


def _storable(said: str) -> str:
    if not is_storable(said):
        raise ValueError("must not contain U+0000 or lone surrogates")
    return said


def _within_reason(said: datetime) -> datetime:
    if not 1900 <= said.year <= 2200:
        raise ValueError("must be between the years 1900 and 2200")
    return said.astimezone(UTC)


Text = Annotated[str, AfterValidator(_storable)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=512), AfterValidator(_storable)]
Instant = Annotated[AwareDatetime, AfterValidator(_within_reason)]
Severity = Literal["info", "warning", "critical"]
AlertState = Literal["open", "acknowledged", "resolved"]


class Asked(BaseModel):
    """What a client sends: a name that isn't known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Told(BaseModel):
    """What we answer; more members may come with later versions."""

    model_config = ConfigDict(from_attributes=True)


def example(**members: JsonValue) -> ConfigDict:
    """A model's configuration with its example for OpenAPI."""
    return ConfigDict(json_schema_extra={"examples": [members]})


# ------------------------------------------------------------------------------------------------------------- problems


class FieldProblem(Told):
    """One thing that is wrong, and where: a JSON Pointer into the body, or `/query/NAME`, `/path/NAME`."""

    pointer: str
    detail: str


class Problem(Told):
    """An error, in the form of RFC 9457."""

    model_config = example(
        type="/problems/invalid-request",
        title="The request isn't valid",
        status=422,
        detail="1 thing in the request is wrong: see errors.",
        instance="/v1/customers",
        request_id="9f1c0d7e5b0a4a55a8f0c1d9f3f7a2b4",
        errors=[{"pointer": "/query/limit", "detail": "Input should be less than or equal to 250"}],
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldProblem] = []


# --------------------------------------------------------------------------------------------------------------- lists


class Paging(Asked):
    """How much of a list, and from where on."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None,
        Field(max_length=CURSOR_LENGTH, description="`next_cursor` or `prev_cursor` of an answer to the same filter."),
    ] = None


class Items(Told, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: Annotated[str | None, Field(description="Where the list goes on; null at its end.")] = None
    prev_cursor: Annotated[str | None, Field(description="The page before this one; null at the beginning.")] = None


# -------------------------------------------------------------------------------------------------------------- events


class EventResult(Told):
    """What became of one event."""

    index: Annotated[int, Field(description="Its place in the request, from 0.")]
    id: Annotated[str | None, Field(description="The event's id; null if it has none that could be read.")]
    status: Literal["accepted", "duplicate", "rejected"]
    errors: list[FieldProblem] = []


class EventResults(Told):
    """A result per event, in their order. What was accepted is durable."""

    model_config = example(
        results=[
            {"index": 0, "id": "e-1", "status": "accepted", "errors": []},
            {
                "index": 1,
                "id": "e-2",
                "status": "rejected",
                "errors": [{"pointer": "/data/score", "detail": "must be between 0 and 10"}],
            },
        ],
        position="3-1234",
    )

    results: list[EventResult]
    position: Annotated[
        str | None,
        Field(description="Where the accepted events stand in the log, `partition-position`, joined by commas."),
    ]


# ----------------------------------------------------------------------------------------------------------- customers


class CustomerFilter(Paging):
    """Which customers, in which order."""

    band: Annotated[ShortText | None, Field(description="Only customers in this band of the live scorecard.")] = None
    flag: Annotated[ShortText | None, Field(description="Only customers with this flag, for example `silent`.")] = None
    owner: Annotated[ShortText | None, Field(description="Only customers of this owner.")] = None
    segment: Annotated[ShortText | None, Field(description="Only customers in this segment.")] = None
    tier: Annotated[Literal["high", "low", "tech"] | None, Field(description="Only this touch tier.")] = None
    sort: Annotated[
        Literal["risk", "name", "customer_id"],
        Field(description="By risk (highest first, unknown last), by name, or by customer_id, which never moves."),
    ] = "risk"


class Standing(Told):
    """A customer in a list: as last decided, not evaluated anew."""

    customer_id: str
    name: str | None
    owner: str | None
    segment: str | None
    tier: str | None
    stage: str
    band: str | None
    score: float | None
    risk: float | None
    flags: list[str]
    decided_at: datetime


class Standings(Items[Standing]):
    """Customers, and the instant up to which everything logged is counted in them."""

    model_config = example(
        as_of="2026-11-20T09:30:00Z",
        scorecard_version=1,
        items=[
            {
                "customer_id": "acme",
                "name": "Acme Ltd",
                "owner": "kim",
                "segment": "smb",
                "tier": "low",
                "stage": "adoption",
                "band": "at_risk",
                "score": 41.5,
                "risk": 0.38,
                "flags": ["cancel_intent"],
                "decided_at": "2026-11-20T09:29:58Z",
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )

    as_of: Annotated[datetime | None, Field(description="Null until every partition has been read once.")]
    scorecard_version: Annotated[int, Field(description="The version of the scores in the list.")]


class Customer(Told):
    """A customer's health, evaluated at the moment of asking."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "acme",
                    "profile": {"name": "Acme Ltd", "owner": "kim", "tier": "low", "mrr": 490.0, "seats": 25},
                    "stage": "adoption",
                    "score": 41.5,
                    "raw_score": 73.0,
                    "own_score": 41.5,
                    "override": None,
                    "band": "at_risk",
                    "band_since": "2026-11-20T09:29:58Z",
                    "risk": 0.585,
                    "risk_is": "ranking",
                    "risk_model": "prior",
                    "risk_horizon_days": 28.0,
                    "flags": ["cancel_intent"],
                    "flags_decided": ["cancel_intent"],
                    "coverage": 0.75,
                    "evidence": "enough",
                    "expansion": {
                        "open": False,
                        "reasons": [
                            {
                                "reason": "red_flag",
                                "flag": "cancel_intent",
                                "since": "2026-11-20T09:29:57Z",
                                "why": "Looked at the cancel page: the relationship is fragile.",
                            }
                        ],
                    },
                    "disagreements": [],
                    "events_total": 1204,
                    "first_event_at": "2025-02-03T08:00:00Z",
                    "last_event_at": "2026-11-20T09:29:57Z",
                    "evaluated_at": "2026-11-20T09:30:00Z",
                    "decided_at": "2026-11-20T09:29:58Z",
                    "scorecard_version": 1,
                }
            ]
        },
    )

    customer_id: str
    profile: dict[str, Any]
    stage: Annotated[str, Field(description="Where it is in its life with us; churned freezes the score.")]
    score: Annotated[float | None, Field(ge=0, le=100, description="Null: not enough evidence.")]
    raw_score: Annotated[float | None, Field(description="Before caps, and without an override.")]
    own_score: Annotated[
        float | None, Field(description="What the scorecard says, caps included, without an override.")
    ]
    override: Annotated[
        dict[str, Any] | None, Field(description="Somebody's own judgement in force: who, why, until when.")
    ]
    band: Annotated[str | None, Field(description="As last decided, after hysteresis; null: not enough evidence.")]
    band_since: datetime | None
    risk: float | None
    risk_is: Annotated[
        str,
        Field(
            description="ranking (good for sorting, not a probability), probability_of_silence or churn_probability, "
            "over risk_horizon_days."
        ),
    ]
    risk_model: Annotated[str | None, Field(description="Whose number it is: prior, a fitted model, or score.")] = None
    risk_horizon_days: float | None = None
    flags: Annotated[list[str], Field(description="Those that hold now.")]
    flags_decided: Annotated[list[str], Field(description="Those that held when last decided.")]
    coverage: Annotated[float, Field(description="How much of the scorecard there is evidence for, 0 to 1.")]
    evidence: Annotated[str, Field(description="enough or not_enough")]
    expansion: Annotated[Expansion, Field(description="Whether more may be offered now, and if not, why not.")]
    disagreements: Annotated[list[DisagreementTold], Field(description="Where score and money disagree.")]
    events_total: Annotated[int, Field(description="Events counted for this customer, once each.")]
    first_event_at: datetime | None
    last_event_at: datetime | None
    evaluated_at: datetime
    decided_at: Annotated[datetime | None, Field(description="When band and flags were last decided.")] = None
    scorecard_version: int


class EvidenceEvent(Told):
    """An event that made a contribution."""

    id: str
    source: str
    type: str
    occurred_at: str


class Contribution(Told):
    """How many points one measure, or one cap, puts into the score."""

    model_config = ConfigDict(extra="allow")

    measure: str
    dimension: str
    points: float
    events: list[EvidenceEvent]


class Explanation(Told):
    """Why the score is what it is; the points add up to it, caps included."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "acme",
                    "score": 41.5,
                    "contributions": [
                        {
                            "measure": "feature_use",
                            "dimension": "adoption",
                            "points": 41.5,
                            "best": 60.0,
                            "events": [
                                {
                                    "id": "e-1",
                                    "source": "app",
                                    "type": "feature.used",
                                    "occurred_at": "2026-11-20T09:29:57Z",
                                }
                            ],
                            "why": "Used 12 times in 14 days.",
                        }
                    ],
                }
            ]
        },
    )

    score: float | None
    contributions: list[Contribution]
    price_review: Annotated[
        PriceReview | None, Field(description="The three readings of a pricing page; null: nobody looks at prices.")
    ] = None
    help_wanted: Annotated[
        HelpWanted | None, Field(description="The functions that help is looked for with; null: it isn't.")
    ] = None
    disagreements: Annotated[list[DisagreementTold], Field(description="Where score and money disagree.")] = []


class HistoryFilter(Paging):
    """Which part of a customer's history."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    after: Annotated[Instant | None, Field(alias="from", description="From this instant on.")] = None
    before: Annotated[Instant | None, Field(alias="to", description="Up to this instant, itself not included.")] = None


class HistoryEntry(Told):
    """A recorded decision."""

    decided_at: datetime
    score: float | None
    risk: float | None
    band: str | None
    flags: list[str]
    cause: Annotated[str, Field(description="events, ageing, import or scorecard")]
    scorecard_version: int


class History(Items[HistoryEntry]):
    """Recorded decisions, newest first."""

    model_config = example(
        items=[
            {
                "decided_at": "2026-11-20T09:29:58Z",
                "score": 41.5,
                "risk": 0.38,
                "band": "at_risk",
                "flags": ["cancel_intent"],
                "cause": "events",
                "scorecard_version": 1,
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )


class TimelineFilter(Paging):
    """Which events of a customer."""

    type: Annotated[ShortText | None, Field(description="Only events of this type, for example `page.viewed`.")] = None


class TimelineEntry(Told):
    """An event as it was received, and the day on which it entered the log."""

    occurred_at: datetime
    logged_on: date
    event: dict[str, Any]


class Timeline(Items[TimelineEntry]):
    """A customer's events, newest first."""

    model_config = example(
        items=[
            {
                "occurred_at": "2026-11-20T09:29:57Z",
                "logged_on": "2026-11-20",
                "event": {
                    "id": "e-1",
                    "source": "site",
                    "type": "page.viewed",
                    "customer_id": "acme",
                    "occurred_at": "2026-11-20T09:29:57Z",
                    "data": {"url": "https://example.com/account/cancel"},
                },
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )


# -------------------------------------------------------------------------------------------------------------- alerts


class AlertFilter(Paging):
    """Which alerts."""

    customer_id: Annotated[ShortText | None, Field(description="Only alerts about this customer.")] = None
    kind: Annotated[ShortText | None, Field(description="Only alerts of this kind: `cancel_intent`, …")] = None
    state: Annotated[AlertState | None, Field(description="Only alerts in this state.")] = None
    severity: Annotated[Severity | None, Field(description="Only alerts of this severity.")] = None


class AlertResolve(Asked):
    """How an alert was settled."""

    model_config = example(note="Called Kim: the invoice had gone to the wrong address.")

    note: Annotated[Text | None, Field(max_length=2000, description="Kept in the audit log, told to webhooks.")] = None


_ALERT: JsonDict = {
    "id": "al_0d9b3e",
    "customer_id": "acme",
    "kind": "cancel_intent",
    "severity": "critical",
    "state": "open",
    "summary": "Acme Ltd looked at the cancel page",
    "detail": {"score": 41.5},
    "onset_at": "2026-11-20T09:29:57Z",
    "raised_at": "2026-11-20T09:29:58Z",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "resolved_at": None,
    "resolved_by": None,
    "revision": 1,
}


class Alert(Told):
    """Something about a customer that someone should act on."""

    model_config = example(**_ALERT)

    id: str
    customer_id: str
    kind: str
    severity: Severity
    state: AlertState
    summary: str
    detail: dict[str, Any]
    onset_at: Annotated[datetime, Field(description="When its cause happened.")]
    raised_at: Annotated[datetime, Field(description="When it was decided.")]
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: Annotated[str | None, Field(description="`released` when its condition ended, else who.")]
    revision: Annotated[int, Field(description="Counts changes; the ETag is this number in quotes.")]


class Alerts(Items[Alert]):
    """Alerts, newest first."""

    model_config = example(items=[_ALERT], next_cursor=None, prev_cursor=None)


# ------------------------------------------------------------------------------------------------------------ webhooks


class EndpointCreate(Asked):
    """A subscriber to be."""

    model_config = example(
        url="https://crm.example.com/hooks/health",
        event_types=["alert.raised", "customer.risk.raised"],
        description="CRM",
    )

    url: Annotated[Text, Field(min_length=1, max_length=2048, description="Where to deliver: https, a public address.")]
    event_types: Annotated[list[ShortText], Field(max_length=100, description="What to send; empty: everything.")] = []
    description: Annotated[Text, Field(max_length=512)] = ""


_ENDPOINT: JsonDict = {
    "id": "ep_2f7c",
    "url": "https://crm.example.com/hooks/health",
    "description": "CRM",
    "event_types": ["alert.raised", "customer.risk.raised"],
    "state": "enabled",
    "disabled_reason": None,
    "failing_since": None,
    "created_at": "2026-11-20T09:00:00Z",
}
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Endpoint(Told):
    """A subscriber."""

    model_config = example(**_ENDPOINT)

    id: str
    url: str
    description: str
    event_types: Annotated[list[str], Field(description="Empty: everything.")]
    state: Literal["enabled", "disabled"]
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime


class EndpointCreated(Endpoint):
    """A new subscriber, and the only time that its secret is shown."""

    model_config = example(**_ENDPOINT, secret=_SECRET)

    secret: Annotated[str, Field(description="Signs deliveries (Standard Webhooks). Shown now and never again.")]


class EndpointSecret(Told):
    """A new secret. Deliveries carry a signature of the old one, too, until `previous_until`."""

    model_config = example(id="ep_2f7c", secret=_SECRET, previous_until="2026-11-21T09:00:00Z")

    id: str
    secret: str
    previous_until: datetime


class Endpoints(Items[Endpoint]):
    """Subscribers, newest first."""

    model_config = example(items=[_ENDPOINT], next_cursor=None, prev_cursor=None)


class TestSent(Told):
    """A test message is on its way; see the endpoint's deliveries."""

    model_config = example(message_id="msg_p5jXN8AQM9LWM0D4loKWxJek")

    message_id: str


class Attempt(Told):
    """One try to deliver."""

    attempt: int
    started_at: datetime
    seconds: Annotated[float, Field(description="How long the receiver took.")]
    status: Annotated[int | None, Field(description="HTTP status; null: no response.")]
    outcome: str
    response: Annotated[str, Field(description="The beginning of the response's body.")]


class Delivery(Told):
    """One message for one endpoint, and its attempts."""

    id: int
    message_id: str
    type: str
    customer_id: str | None
    state: Literal["pending", "delivered", "exhausted", "aborted"]
    attempt: Annotated[int, Field(description="Attempts made.")]
    created_at: datetime
    due_at: Annotated[datetime, Field(description="When the next attempt is due, while pending.")]
    finished_at: datetime | None
    attempts: list[Attempt]


class Deliveries(Items[Delivery]):
    """An endpoint's deliveries, newest first."""

    model_config = example(
        items=[
            {
                "id": 17,
                "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "type": "alert.raised",
                "customer_id": "acme",
                "state": "delivered",
                "attempt": 1,
                "created_at": "2026-11-20T09:29:58Z",
                "due_at": "2026-11-20T09:29:58Z",
                "finished_at": "2026-11-20T09:29:58.120Z",
                "attempts": [
                    {
                        "attempt": 1,
                        "started_at": "2026-11-20T09:29:58.010Z",
                        "seconds": 0.11,
                        "status": 204,
                        "outcome": "delivered",
                        "response": "",
                    }
                ],
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )


# -------------------------------------------------------------------------------------------------------- dead letters


class DeadLetterFilter(Paging):
    """Which dead letters."""

    reason: Annotated[ShortText | None, Field(description="Only those set aside for this reason.")] = None
    replayed: Annotated[bool | None, Field(description="Only those that were replayed, or weren't.")] = None


_LETTER: JsonDict = {
    "id": 5,
    "origin": "kafka",
    "topic": "healthsvc.events",
    "partition": 2,
    "position": 9713,
    "raw": '{"id": "e-9", "type": "survey.answered"}',
    "raw_encoding": "utf-8",
    "raw_bytes": 40,
    "headers": {},
    "reason": "invalid",
    "errors": [{"pointer": "/source", "detail": "is missing"}],
    "created_at": "2026-11-20T09:29:58Z",
    "replayed_at": None,
}


class DeadLetter(Told):
    """A record that couldn't be read as an event."""

    model_config = example(**_LETTER)

    id: int
    origin: Annotated[str, Field(description="kafka, table or http")]
    topic: str | None
    partition: int
    position: Annotated[int, Field(description="Kafka offset, or position in the table.")]
    raw: Annotated[str | None, Field(description="What was received; null beyond the cap of kept bytes.")]
    raw_encoding: Literal["utf-8", "base64"]
    raw_bytes: int
    headers: dict[str, Any]
    reason: str
    errors: list[FieldProblem]
    created_at: datetime
    replayed_at: datetime | None


class DeadLetters(Items[DeadLetter]):
    """Dead letters, newest first."""

    model_config = example(items=[_LETTER], next_cursor=None, prev_cursor=None)


class ReplayOne(Asked):
    """A dead letter's second try; with `event`, that is taken instead of what was received."""

    model_config = example(
        event={
            "id": "e-9",
            "source": "site",
            "type": "survey.answered",
            "customer_id": "acme",
            "occurred_at": "2026-11-20T09:29:57Z",
            "data": {"survey": "nps", "score": 9},
        }
    )

    event: Annotated[dict[str, Any] | None, Field(description="The corrected event.")] = None


class ReplayMany(Asked):
    """Which dead letters to try again: by id, by reason, or both."""

    model_config = example(reason="invalid")

    reason: ShortText | None = None
    ids: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]] | None, Field(min_length=1, max_length=500)] = None
    after: Annotated[
        int, Field(ge=0, lt=2**63, description="Only letters above this id: an answer's `next_after`.")
    ] = 0


class ReplayResult(Told):
    """What became of one dead letter."""

    id: int
    status: Annotated[
        Literal["replayed", "already_replayed", "rejected", "not_found"],
        Field(description="rejected: still not an event; it stays a dead letter."),
    ]
    event_id: str | None = None
    errors: list[FieldProblem] = []


class ReplayResults(Told):
    """A result per dead letter. What was replayed is in the log."""

    model_config = example(
        results=[{"id": 5, "status": "replayed", "event_id": "e-9", "errors": []}], position="1-88", next_after=None
    )

    results: list[ReplayResult]
    position: Annotated[str | None, Field(description="Where they stand in the log now.")]
    next_after: Annotated[
        int | None, Field(description="More dead letters wait: ask again with this as `after`. Null: that was all.")
    ] = None


# ---------------------------------------------------------------------------------------------------------------- keys


class KeyCreate(Asked):
    """An API key to be."""

    model_config = example(name="crm", scopes=["customers:read"], expires_at="2027-11-20T00:00:00Z")

    name: ShortText
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    expires_at: Annotated[Instant | None, Field(description="Null: never.")] = None


_KEY: JsonDict = {
    "id": "key_7Qd2",
    "name": "crm",
    "prefix": "hsk_ab12…",
    "scopes": ["customers:read"],
    "created_at": "2026-11-20T09:00:00Z",
    "expires_at": "2027-11-20T00:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
}


class Key(Told):
    """An API key; the key itself is not kept."""

    model_config = example(**_KEY)

    id: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="To the minute.")]
    revoked_at: datetime | None


class KeyCreated(Key):
    """A new key, and the only time that it is shown."""

    model_config = example(**_KEY, key="hsk_" + "x" * 36)

    key: str


class Keys(Items[Key]):
    """API keys, newest first."""

    model_config = example(items=[_KEY], next_cursor=None, prev_cursor=None)


# ---------------------------------------------------------------------------------------------------------- scorecards

Document = Annotated[
    dict[str, Any] | Text,
    Field(description="The scorecard: an object, or the same as YAML text. Its JSON Schema is schemas/scorecard.json."),
]
_SMALL_CARD: JsonDict = {
    "name": "small",
    "half_lives_days": [14, 56],
    "bands": {"healthy": 70, "critical": 0},
    "dimensions": {"engagement": 1},
    "measures": [
        {
            "name": "sessions",
            "feeds": [{"type": "session.started"}],
            "dimension": "engagement",
            "share": 1,
            "judge": {"kind": "target", "at": 4},
            "why": "People who sign in regularly find value.",
        }
    ],
}


class ScorecardCreate(Asked):
    """A scorecard to be kept as a new version, or only to be looked through."""

    model_config = example(document=_SMALL_CARD)

    document: Document


class ScorecardCheck(Told):
    """The scorecard can be published; `doubts` are what looks like a slip all the same."""

    model_config = example(
        name="small",
        doubts=[
            {"pointer": "/measures/0/feeds", "detail": "'sesion.started' is a type of your own; did you mean …?"},
        ],
    )

    name: str
    doubts: list[FieldProblem]


_VERSION: JsonDict = {
    "version": 2,
    "name": "small",
    "state": "live",
    "created_at": "2026-11-20T09:00:00Z",
    "created_by": "ops",
    "published_at": "2026-11-20T09:05:00Z",
    "override_reason": None,
}


class ScorecardVersion(Told):
    """A scorecard's version, without its document."""

    model_config = example(**_VERSION)

    version: int
    name: str
    state: Annotated[
        Literal["draft", "building", "live", "retired"],
        Field(description="draft: never was live; building: about to be; retired: was live."),
    ]
    created_at: datetime
    created_by: str
    published_at: Annotated[datetime | None, Field(description="When it was live for the first time.")]
    override_reason: Annotated[
        str | None, Field(description="Why it was published although the ship gate said no to its model.")
    ]


class ScorecardVersions(Items[ScorecardVersion]):
    """Versions, newest first."""

    model_config = example(items=[_VERSION], next_cursor=None, prev_cursor=None)


class Scorecard(ScorecardVersion):
    """A version with its document, which never changes."""

    model_config = example(**_VERSION, document=_SMALL_CARD, source="name: small\n…")

    document: dict[str, Any]
    source: Annotated[str, Field(description="The document as it was given, as text.")]


class ScorecardPublish(Asked):
    """How to publish or rebuild."""

    model_config = example(with_gaps=False)

    with_gaps: Annotated[
        bool,
        Field(
            description="Where the archive lacks events that were counted: go on without them, instead of refusing. "
            "The new version then knows only what the archive still has, and what comes from now on."
        ),
    ] = False


class ScorecardPublishVersion(ScorecardPublish):
    """How to publish a version."""

    model_config = example(with_gaps=False, override_reason=None)

    override_reason: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_storable)] | None,
        Field(description="Publish although the ship gate says no to the fitted model; kept with the version."),
    ] = None


_PUBLICATION: JsonDict = {
    "projection": 3,
    "version": 2,
    "state": "building",
    "reason": "publish",
    "phase": "folding",
    "folded": 120000,
    "events": 500000,
    "with_gaps": False,
    "failure": None,
    "requested_by": "ops",
    "requested_at": "2026-11-20T09:00:00Z",
    "live_at": None,
    "retired_at": None,
    "positions": None,
}


class Publication(Told):
    """One publishing or rebuilding: how far it is, or where in the log it took over."""

    model_config = example(**_PUBLICATION)

    projection: int
    version: int
    state: Literal["building", "live", "retired"]
    reason: Literal["start", "publish", "rebuild"]
    phase: Annotated[str, Field(description="waiting, indexing, folding, deciding, switching, done")]
    folded: Annotated[int, Field(description="Events that are in it.")]
    events: Annotated[int, Field(description="Events that the live version has by now.")]
    with_gaps: bool
    failure: Annotated[str | None, Field(description="Why it was given up; the former version stayed live.")]
    requested_by: str
    requested_at: datetime
    live_at: datetime | None
    retired_at: datetime | None
    positions: Annotated[
        dict[str, dict[str, int]] | None,
        Field(description="Where it took over: by partition, events counted and the next offsets to be read."),
    ]


class MeasureFed(Told):
    """Whether a measure's events still come."""

    measure: str
    fed: Annotated[bool, Field(description="Some event has fed it in the last 30 days.")]
    last_event_at: Annotated[datetime | None, Field(description="Null: never fed. Where `fed`: at least so late.")]


class ScorecardStatus(Told):
    """What is live, what is being built, and which measures no event has fed in 30 days."""

    model_config = example(
        live_version=1,
        building=_PUBLICATION,
        publications=[_PUBLICATION],
        unfed=["referrals"],
        measures=[
            {"measure": "sessions", "fed": True, "last_event_at": "2026-11-20T08:59:00Z"},
            {"measure": "referrals", "fed": False, "last_event_at": "2026-09-01T10:00:00Z"},
        ],
        customers_looked_at=4000,
        as_of="2026-11-20T09:00:00Z",
    )

    live_version: int
    building: Publication | None
    publications: list[Publication]
    unfed: list[str]
    measures: list[MeasureFed]
    customers_looked_at: Annotated[
        int, Field(description="No more than were needed to see that each measure is fed, at most 100,000.")
    ]
    as_of: datetime


# ------------------------------------------------------------------------------------------------------------- the lab


class LabRunCreate(Asked):
    """A run of the lab on the service's own archive."""

    model_config = example(kind="fit", outcome="cancelled", horizon_days=28, fit_share=0.5, capacity=25)

    kind: Annotated[
        Literal["backtest", "fit"],
        Field(
            description="backtest: fitted on the earlier dates, judged on the later; fit: then on all outcomes, too."
        ),
    ]
    outcome: Annotated[
        Literal["cancelled", "silence"],
        Field(description="What counts as churn: an explicit act, or no act of the customer's over the horizon."),
    ] = "cancelled"
    horizon_days: Annotated[float, Field(ge=3, le=3650)] = 28.0
    fit_share: Annotated[float, Field(ge=0.2, le=0.9, description="Of the dates, those that the backtest fits on.")] = (
        0.5
    )
    capacity: Annotated[int, Field(ge=1, le=1_000_000, description="Customers whom the team can call per date.")] = 25


_RUN: JsonDict = {
    "id": 3,
    "kind": "fit",
    "options": {"outcome": "cancelled", "horizon_days": 28.0, "fit_share": 0.5, "capacity": 25},
    "state": "done",
    "phase": "done",
    "progress": 1.0,
    "failure": None,
    "requested_by": "ops",
    "requested_at": "2026-11-20T09:00:00Z",
    "started_at": "2026-11-20T09:00:01Z",
    "ended_at": "2026-11-20T09:00:41Z",
}
_RUN_RESULT: JsonDict = {
    "events": 1200000,
    "outcome": "cancelled",
    "horizon_days": 28.0,
    "rows": 41000,
    "churners": 410,
    "model": "additive",
    "reason": "fitted",
    "detail": "",
    "risk_kind": "churn_probability",
    "judged_from": "2026-06-01",
    "figures": {"auc": 0.79, "auc_error": 0.01, "base_rate": 0.01, "lift_top_tenth": 4.1},
    "beside": {"prior": {"auc": 0.75, "auc_error": 0.01}},
    "gate": {"passed": True, "may_ship": True, "override_reason": None, "checks": []},
    "warnings": [],
    "fitted_as_of": "2026-11-20T00:00:00+00:00",
    "model_data": {"horizon_days": 28.0, "model": {"name": "additive", "kind": "churn_probability"}},
    "scorecard": "name: default\n…",
}


class LabRunSummary(Told):
    """A run, without what came of it."""

    model_config = example(**_RUN)

    id: int
    kind: Literal["backtest", "fit"]
    options: dict[str, Any]
    state: Annotated[
        Literal["queued", "running", "done", "failed"],
        Field(description="One is executed at a time; failed: see `failure`, which also tells who cancelled it."),
    ]
    phase: str
    progress: Annotated[float, Field(description="0 to 1, roughly.")]
    failure: str | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class LabRun(LabRunSummary):
    """A run with its result."""

    model_config = example(**_RUN, result=_RUN_RESULT)

    result: Annotated[
        dict[str, Any] | None,
        Field(
            description="Null until it is done. `model` and `reason` (`no_evidence`: the prior stays), figures on the "
            "dates judged and of what stands beside, the ship gate's checks; `scorecard`: the live document with the "
            "fitted model as YAML, ready for POST /v1/scorecards; null where the prior stays, and of a backtest."
        ),
    ]


class LabRuns(Items[LabRunSummary]):
    """Runs, newest first."""

    model_config = example(items=[_RUN], next_cursor=None, prev_cursor=None)


# ------------------------------------------------------------------------------------------ the past, and what moved it


class ExplanationAsked(Asked):
    """As of when, and in which language."""

    at: Annotated[Instant | None, Field(description="A past instant: the explanation that was given then.")] = None
    language: Annotated[Literal["en", "pt"], Field(description="Of the sentence.")] = "en"


class DiffAsked(Asked):
    """Between which instants, and in which language."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Annotated[Instant, Field(alias="from", description="The first instant.")]
    until: Annotated[Instant | None, Field(alias="to", description="The second instant; left out: now.")] = None
    language: Annotated[Literal["en", "pt"], Field(description="Of the sentence.")] = "en"


class MeasureMoved(Told):
    """What one measure, cap or override moved."""

    measure: str
    points: float


class DiffPart(Told):
    """One reason of the change; the parts' points add up to it, and the measures' points to the part's."""

    kind: Annotated[
        Literal["new_events", "ageing", "late_data", "configuration", "override"],
        Field(description="late_data: happened before `from` and was counted after it."),
    ]
    points: float
    measures: list[MeasureMoved]
    events_total: int
    events: Annotated[list[EvidenceEvent], Field(description="The newest ten.")]


class Diff(Told):
    """How the score moved between two instants, and why; in words, too."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "acme",
                    "from": {"at": "2026-11-01T00:00:00Z", "score": 71.0, "override": None, "scorecard_version": 1},
                    "to": {"at": "2026-11-20T00:00:00Z", "score": 45.0, "override": None, "scorecard_version": 1},
                    "change": -26.0,
                    "parts": [
                        {
                            "kind": "ageing",
                            "points": -26.0,
                            "measures": [{"measure": "cap:silent", "points": -26.0}],
                            "events_total": 0,
                            "events": [],
                        }
                    ],
                    "sentence": "The health of Acme fell by 26 points, from 71 to 45, between 1 November and "
                    "20 November: lost 26.0 through the passing of time (silence).",
                }
            ]
        },
    )

    customer_id: str
    change: Annotated[float | None, Field(description="Null where either end has no score.")]
    parts: list[DiffPart]
    sentence: str


# ----------------------------------------------------------------------------------------------------------- overrides


class OverrideCreate(Asked):
    """Somebody's own judgement of a customer's health."""

    model_config = example(
        score=80, reason="They renewed by phone; the paper follows", expires_at="2026-12-31T00:00:00Z", author="kim"
    )

    score: Annotated[float, Field(ge=0, le=100)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_storable)]
    expires_at: Instant
    author: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)] | None,
        Field(description="Left out: the API key's name."),
    ] = None


class OverrideLift(Asked):
    """Who ends an override, and why."""

    model_config = example(author="kim", reason="The paper is here")

    author: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)] | None = None
    reason: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_storable)] | None = None


class OverrideAccepted(Told):
    """The override is an event in the log; it counts as soon as that is read."""

    model_config = example(event_id="ov_5f1c", position="3-1234")

    event_id: str
    position: str


class OverrideRecord(Told):
    """One author's overrides against what became of the customers."""

    author: str
    overrides: int
    raised: Annotated[int, Field(description="Set above the score that stood.")]
    lowered: int
    left: Annotated[int, Field(description="The customer left within 180 days.")]
    right: Annotated[int, Field(description="Lowered and it left, or raised and it stayed.")]
    wrong: Annotated[int, Field(description="Raised and it left, or lowered and it stayed.")]
    open: Annotated[int, Field(description="Too early to tell.")]
    unknown: Annotated[int, Field(description="There was no score to compare with.")]


class OverrideRecords(Items[OverrideRecord]):
    """Authors, the busiest first."""

    model_config = example(
        items=[
            {
                "author": "kim",
                "overrides": 12,
                "raised": 9,
                "lowered": 3,
                "left": 4,
                "right": 6,
                "wrong": 3,
                "open": 3,
                "unknown": 0,
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )
