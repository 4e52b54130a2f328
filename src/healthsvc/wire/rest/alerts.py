"""Alerts, and how they are settled."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.core.actors import ActorKind
from healthsvc.core.alerts import OPEN, AlertState, FlagEdge, Outcome, Priority
from healthsvc.core.alerts import Alert as CoreAlert
from healthsvc.core.severity import Severity
from healthsvc.wire.rest.exports import FormatAsked
from healthsvc.wire.rest.languages import Worded
from healthsvc.wire.rest.ranks import RankTold
from healthsvc.wire.rest.shapes import (
    AnyShortText,
    Instant,
    ListAnswer,
    Paging,
    ShortText,
    Told,
    example,
)
from healthsvc.wire.rest.sparse import FieldsAsked


class AlertFilter(Paging, Worded):
    """Which alerts."""

    about: Annotated[
        Literal["customers", "operations"],
        Field(description="Alerts about customers, or about the service."),
    ] = "customers"
    customer_id: Annotated[
        ShortText | None, Field(description="Only alerts about this customer.")
    ] = None
    kind: Annotated[
        ShortText | None, Field(description="Only alerts of this kind: `cancel_intent`, …")
    ] = None
    state: Annotated[AlertState | None, Field(description="Only alerts in this state.")] = None
    severity: Annotated[Severity | None, Field(description="Only alerts of this severity.")] = None
    owner: Annotated[
        AnyShortText | None, Field(description="Only alerts about customers of this owner.")
    ] = None
    assignee: Annotated[
        ShortText | None, Field(description="Only alerts that this person has.")
    ] = None
    outcome: Annotated[Outcome | None, Field(description="Only those with this outcome.")] = None
    due_before: Annotated[
        Instant | None, Field(description="Only those that are due before this instant.")
    ] = None
    sort: Annotated[
        Literal["raised", "rank"],
        Field(
            description=(
                "The last raised first; or those most worth a call first, then only of customers,"
                " and only what is open or acknowledged."
            )
        ),
    ] = "raised"
    fields: FieldsAsked = []
    format: FormatAsked = None


ALERT_EXAMPLE: JsonDict = {
    "id": "al_0d9b3e",
    "customer_id": "acme",
    "scope": None,
    "kind": "cancel_intent",
    "severity": "critical",
    "state": OPEN,
    "summary": "Acme Ltd: visited the cancellation page. Call within the hour.",
    "detail": {"score": 41.5},
    "onset_at": "2026-11-20T09:29:57Z",
    "raised_at": "2026-11-20T09:29:58Z",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "acknowledged_actor": None,
    "resolved_at": None,
    "resolved_by": None,
    "resolved_actor": None,
    "condition_ended_at": None,
    "assignee": None,
    "due_at": "2026-11-20T17:29:58Z",
    "priority": "high",
    "snoozed_until": None,
    "snoozed_flag": None,
    "snoozed_edge": None,
    "overdue_at": None,
    "outcome": None,
    "note": None,
    "revision": 1,
    "rank": None,
}


class ActorTold(Told):
    """Who did something. A person is who the owner of the key says acts: asserted, not
    authenticated."""

    model_config = example(kind="person", id=None, name="Kim Park", via_key="key_1")

    kind: ActorKind
    id: Annotated[str | None, Field(description="Of the key.")]
    name: str
    via_key: Annotated[
        str | None, Field(description="The id of the key that a person acts through.")
    ]


class Alert(Told):
    """Something about a customer, or about the service, that someone should act on."""

    model_config = example(**ALERT_EXAMPLE)

    id: str
    customer_id: Annotated[
        str | None, Field(description="Null: an operations alert, about its `scope`.")
    ]
    scope: Annotated[
        str | None,
        Field(
            description=(
                "What an operations alert is about: `fleet`, `source:…`, `segment:…`, `model`."
            )
        ),
    ]
    kind: str
    severity: Severity
    state: AlertState
    summary: Annotated[str, Field(description="Who did what, and what to do first.")]
    detail: dict[str, Any]
    onset_at: Annotated[datetime, Field(description="When its cause happened.")]
    raised_at: Annotated[datetime, Field(description="When it was decided.")]
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_actor: ActorTold | None
    resolved_at: datetime | None
    resolved_by: Annotated[
        str | None, Field(description="`released` when its condition ended, else who.")
    ]
    resolved_actor: ActorTold | None
    condition_ended_at: Annotated[
        datetime | None,
        Field(description="Null: it holds, or the alert was resolved before it ended."),
    ]
    assignee: Annotated[
        str | None, Field(description="Whose it is; taking it on makes it one's own.")
    ]
    due_at: Annotated[
        datetime | None,
        Field(
            description="By touch tier: a day after it was raised (high), three (low), seven"
            " (tech); a third of that if it is critical; or what somebody said."
        ),
    ]
    priority: Annotated[Priority, Field(description="By severity, or what somebody said.")]
    snoozed_until: datetime | None
    snoozed_flag: Annotated[
        str | None, Field(description="Put off until this flag of the customer begins or ends.")
    ]
    snoozed_edge: FlagEdge | None
    overdue_at: Annotated[
        datetime | None, Field(description="When it was told as overdue (`alert.overdue`).")
    ]
    outcome: Annotated[Outcome | None, Field(description="What came of it, if somebody said so.")]
    note: Annotated[str | None, Field(description="Of whoever resolved it.")]
    revision: Annotated[
        int, Field(description="Counts changes; the ETag is this number in quotes.")
    ]
    rank: Annotated[RankTold | None, Field(description="Only where sorted by rank.")] = None


def alert_answer(alert: CoreAlert, rank: RankTold | None = None) -> Alert:
    """The answer about one alert, in whatever list or by itself; rank: where lists are sorted by
    it."""
    return Alert.model_validate(alert).model_copy(update={"rank": rank})


ALERT_COLUMNS: Final = (
    *("id", "customer_id", "scope", "kind", "severity", "state", "summary", "onset_at"),
    *("raised_at", "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by"),
    *("assignee", "due_at", "priority", "snoozed_until", "outcome", "note"),
    *("condition_ended_at", "rank.points", "rank.why"),
)
"""Of CSV."""


class Alerts(ListAnswer[Alert]):
    """Alerts, newest first."""

    model_config = example(items=[ALERT_EXAMPLE], next_cursor=None, prev_cursor=None)
