"""Webhooks about customers' alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol, get_args

import msgspec

from healthsvc.core.actors import Actor, ActorKind
from healthsvc.core.alerts import (
    ACKNOWLEDGED,
    CONDITION_ENDED,
    ENDED_ITSELF,
    OPEN,
    RESOLVED,
    Alert,
    AlertState,
)
from healthsvc.core.severity import Severity
from healthsvc.wire.webhooks.customer_object import CUSTOMER_EXAMPLE, CustomerObject
from healthsvc.wire.webhooks.webhook_type import (
    FACTS,
    INSTANT,
    SEVERITY,
    SUMMARY,
    TEXT,
    CustomerId,
    Schema,
    Sequence,
    WebhookType,
    webhook_type,
)

STATE: Final[Schema] = {"enum": [OPEN, ACKNOWLEDGED, RESOLVED]}
BY: Final[Schema] = {
    "type": ["string", "null"],
    "description": (
        f"Who settled it: the name of an API key; `{CONDITION_ENDED}`: its condition has ended."
    ),
}
ACTOR: Final[Schema] = {
    "type": ["object", "null"],
    "description": (
        "The same in full: a person is who the owner of the key says acts, asserted and not"
        " authenticated."
    ),
    "required": ["kind", "id", "name", "via_key"],
    "properties": {
        "kind": {"enum": [*get_args(ActorKind)]},
        "id": {"type": ["string", "null"]},
        "name": TEXT,
        "via_key": {
            "type": ["string", "null"],
            "description": "The id of the key that a person acts through.",
        },
    },
}
NOTE: Final[Schema] = {"type": ["string", "null"], "description": "What that person noted."}


class Announced(Protocol):
    """What all webhooks about a customer's alert have in common, wherever it was read."""

    @property
    def id(self) -> str: ...
    @property
    def customer_id(self) -> str | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def summary(self) -> str: ...
    @property
    def onset_at(self) -> datetime: ...
    @property
    def raised_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertData:
    """Data of all webhooks about a customer's alert."""

    id: Annotated[
        str, {**TEXT, "description": "The alert's id; the same in every webhook about it."}
    ]
    customer_id: CustomerId
    customer: CustomerObject
    kind: Annotated[
        str, {**TEXT, "description": "What it is about: cancel_intent, silent, usage_drop …"}
    ]
    severity: Annotated[Severity, SEVERITY]
    state: Annotated[AlertState, STATE]
    summary: Annotated[str, SUMMARY]
    onset_at: Annotated[datetime, {**INSTANT, "description": "When its cause happened."}]
    raised_at: Annotated[datetime, {**INSTANT, "description": "When it was decided."}]
    detail: Annotated[Mapping[str, Any] | msgspec.Raw, FACTS]
    """As JSON where it was encoded already."""
    sequence: Sequence = 0
    """The change gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOverData(AlertData):
    """Data of `alert.escalated` and `alert.de_escalated`."""

    previous_kind: Annotated[
        str, {**TEXT, "description": "What the same alert was about until now."}
    ]
    previous_severity: Annotated[Severity, SEVERITY]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledData(AlertData):
    """Data of `alert.acknowledged` and `alert.resolved`."""

    by: Annotated[str | None, BY]
    actor: Annotated[Mapping[str, str | None] | None, ACTOR]
    note: Annotated[str | None, NOTE]


_AT: Final = datetime(2026, 11, 20, 9, 29, 58, tzinfo=UTC)
_KIM: Final = Actor(kind="person", name="Kim Park", via_key="key_1")
_RAISED: Final = AlertData(
    id="al_0d9b3e",
    customer_id="acme",
    customer=CUSTOMER_EXAMPLE,
    kind="cancel_intent",
    severity="critical",
    state=OPEN,
    summary="Acme Ltd: visited the cancellation page. Call within the hour.",
    onset_at=_AT,
    raised_at=_AT,
    detail={"score": 41.5},
    sequence=7,
)
_ESCALATED: Final = TakenOverData(
    **{name: getattr(_RAISED, name) for name in AlertData.__slots__},
    previous_kind="silent",
    previous_severity="warning",
)
_SETTLED: Final = SettledData(
    **{name: getattr(replace(_RAISED, state=ACKNOWLEDGED), name) for name in AlertData.__slots__},
    by="crm",
    actor=_KIM.as_data(),
    note=None,
)


def only(*states: AlertState) -> dict[str, Schema]:
    """The schema of the state in webhooks about these states."""
    return {"state": {"const": states[0]} if len(states) == 1 else {"enum": list(states)}}


ALERT_RAISED: Final = webhook_type("alert.raised", "An alert was raised.", _RAISED, only(OPEN))
ALERT_ESCALATED: Final = webhook_type(
    "alert.escalated",
    "An alert became a sharper one: the same cause, with more against the customer.",
    _ESCALATED,
    only(OPEN, ACKNOWLEDGED),
)
ALERT_DE_ESCALATED: Final = webhook_type(
    "alert.de_escalated",
    "An alert became a milder one: what was most severe is over, the rest goes on.",
    replace(
        _ESCALATED,
        kind="silent",
        severity="warning",
        summary="Acme Ltd: silent for 15 days. Call this week.",
        previous_kind="silent_before_renewal",
        previous_severity="critical",
    ),
    only(OPEN, ACKNOWLEDGED),
)
ALERT_ACKNOWLEDGED: Final = webhook_type(
    "alert.acknowledged", "Somebody took an alert on.", _SETTLED, only(ACKNOWLEDGED)
)
ALERT_RESOLVED: Final = webhook_type(
    "alert.resolved",
    "An alert was resolved, by a person or since its condition ended.",
    replace(
        _SETTLED, state=RESOLVED, note="Called Kim: the invoice had gone to the wrong address."
    ),
    only(RESOLVED),
)
SETTLED: Final[Mapping[AlertState, WebhookType[SettledData]]] = {
    ACKNOWLEDGED: ALERT_ACKNOWLEDGED,
    RESOLVED: ALERT_RESOLVED,
}
"""By the state that a customer's alert was brought into."""


def raised(
    alert: Announced, customer: Mapping[str, Any], detail: Mapping[str, Any] | msgspec.Raw
) -> AlertData:
    """Data of `alert.raised`."""
    return AlertData(**_common(alert, customer, OPEN, detail))


def taken_over(
    raised: AlertData,
    *,
    id: str,
    state: AlertState,
    onset_at: datetime,
    raised_at: datetime,
    previous_kind: str,
    previous_severity: Severity,
) -> TakenOverData:
    """Data of `alert.escalated` and `alert.de_escalated`, about an alert that another flag has
    taken over; raised: the data of a new alert of that flag."""
    same = replace(raised, id=id, state=state, onset_at=onset_at, raised_at=raised_at)
    common = {name: getattr(same, name) for name in AlertData.__slots__}
    return TakenOverData(**common, previous_kind=previous_kind, previous_severity=previous_severity)


def settled(alert: Alert, customer: Mapping[str, Any], note: str | None) -> SettledData:
    """Data about an alert that a person has acknowledged or resolved."""
    return SettledData(
        **_common(alert, customer, alert.state, alert.detail),
        by=alert.settled_by,
        actor=actor_data(alert),
        note=note,
    )


def condition_ended(alert: Announced, customer: Mapping[str, Any]) -> SettledData:
    """Data about an alert that was resolved because its condition ended; its facts no longer
    hold."""
    return SettledData(
        **_common(alert, customer, RESOLVED, {}),
        by=CONDITION_ENDED,
        actor=ENDED_ITSELF.as_data(),
        note=None,
    )


def actor_data(alert: Alert) -> dict[str, str | None] | None:
    """The actor who brought an alert into its state, for webhooks."""
    actor = alert.settled_by_actor
    return None if actor is None else actor.as_data()


def _common(
    alert: Announced,
    customer: Mapping[str, Any],
    state: AlertState,
    detail: Mapping[str, Any] | msgspec.Raw,
) -> dict[str, Any]:
    return {
        "id": alert.id,
        "customer_id": alert.customer_id,
        "customer": customer,
        "kind": alert.kind,
        "severity": alert.severity,
        "state": state,
        "summary": alert.summary,
        "onset_at": alert.onset_at,
        "raised_at": alert.raised_at,
        "detail": detail,
    }
