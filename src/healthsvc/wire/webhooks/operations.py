"""Webhooks about operations alerts: the service, or what feeds it, needs an operator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from healthsvc.core.actors import Actor
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
from healthsvc.wire.webhooks.alerts import ACTOR, BY, NOTE, STATE, actor_data, only
from healthsvc.wire.webhooks.webhook_type import (
    FACTS,
    INSTANT,
    SEVERITY,
    SUMMARY,
    TEXT,
    WebhookType,
    webhook_type,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsData:
    """Data of webhooks about operations alerts."""

    id: Annotated[str, TEXT]
    kind: Annotated[
        str,
        {
            **TEXT,
            "description": "What it is: fleet_guard, model_drift, input_stalled, step_failing …",
        },
    ]
    scope: Annotated[
        str, {**TEXT, "description": "Of what: fleet, source:web, segment:smb, model …"}
    ]
    severity: Annotated[Severity, SEVERITY]
    state: Annotated[AlertState, STATE]
    summary: Annotated[str, SUMMARY]
    onset_at: Annotated[datetime, {**INSTANT, "description": "When its cause began."}]
    raised_at: Annotated[datetime, INSTANT]
    by: Annotated[str | None, BY]
    actor: Annotated[Mapping[str, str | None] | None, ACTOR]
    note: Annotated[str | None, NOTE]
    detail: Annotated[Mapping[str, Any], FACTS]


_AT: Final = datetime(2026, 11, 20, 9, 29, 58, tzinfo=UTC)
_EXAMPLE: Final = OperationsData(
    id="al_77a1c0",
    kind="fleet_guard",
    scope="source:web",
    severity="critical",
    state=OPEN,
    summary="Nothing comes from web.",
    onset_at=_AT,
    raised_at=_AT,
    by=None,
    actor=None,
    note=None,
    detail={"came": 0, "usual": 112.4, "window_minutes": 10},
)


OPERATIONS_RAISED: Final = webhook_type(
    "operations.alert.raised",
    "The service, or what feeds it, needs an operator.",
    _EXAMPLE,
    only(OPEN),
)
OPERATIONS_ACKNOWLEDGED: Final = webhook_type(
    "operations.alert.acknowledged",
    "An operator took an alert on.",
    replace(
        _EXAMPLE,
        state=ACKNOWLEDGED,
        by="ops",
        actor=Actor(kind="key", id="key_2", name="ops").as_data(),
    ),
    only(ACKNOWLEDGED),
)
OPERATIONS_RESOLVED: Final = webhook_type(
    "operations.alert.resolved",
    "An operations alert is over.",
    replace(_EXAMPLE, state=RESOLVED, by=CONDITION_ENDED, actor=ENDED_ITSELF.as_data()),
    only(RESOLVED),
)

BY_STATE: Final[Mapping[AlertState, WebhookType[OperationsData]]] = {
    OPEN: OPERATIONS_RAISED,
    ACKNOWLEDGED: OPERATIONS_ACKNOWLEDGED,
    RESOLVED: OPERATIONS_RESOLVED,
}
"""By the state that an operations alert is in."""


def said_of(alert: Alert, note: str | None) -> OperationsData:
    """Data about an operations alert, in whichever state it is."""
    return OperationsData(
        id=alert.id,
        kind=alert.kind,
        scope=alert.scope or "",
        severity=alert.severity,
        state=alert.state,
        summary=alert.summary,
        onset_at=alert.onset_at,
        raised_at=alert.raised_at,
        by=alert.settled_by,
        actor=actor_data(alert),
        note=note,
        detail=alert.detail,
    )
