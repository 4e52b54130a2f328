"""Webhooks to be: what a flush would tell, worded only if somebody wants its type."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from healthsvc.core.instants import from_us
from healthsvc.store.delivery.deliveries import OutboxMessage
from healthsvc.store.processing.decisions import AlertRow, ResolvedAlert, TakenOver
from healthsvc.wire.webhooks.bodies import body, message_id

ALERT_RAISED = "alert.raised"
ALERT_ESCALATED = "alert.escalated"
ALERT_RESOLVED = "alert.resolved"
RISK_RAISED = "customer.risk.raised"
BAND_CHANGED = "customer.band.changed"


class UnrenderedMessage(NamedTuple):
    """One message. `data` is asked for only when it is worded, soon after: most are told to nobody."""

    type: str
    customer_id: str
    at: datetime
    sequence: int
    logged_us: int
    data: Callable[[], Mapping[str, Any]]

    def render(self) -> OutboxMessage:
        return OutboxMessage(
            id=message_id(self.customer_id, self.type, self.sequence, self.at.isoformat()),
            type=self.type,
            customer_id=self.customer_id,
            body=body(self.type, self.at, {**self.data(), "sequence": self.sequence}),
            logged_at=from_us(self.logged_us) if self.logged_us else None,
        )


def raised(alert: AlertRow, detail: Mapping[str, Any]) -> dict[str, Any]:
    """What `alert.raised` says; detail: the alert's, before it was encoded."""
    return {
        "id": alert.id,
        "customer_id": alert.customer_id,
        "kind": alert.kind,
        "severity": alert.severity,
        "state": "open",
        "summary": alert.summary,
        "onset_at": alert.onset_at,
        "raised_at": alert.raised_at,
        "detail": detail,
    }


def escalated(new: UnrenderedMessage, taken: TakenOver) -> UnrenderedMessage:
    """`alert.escalated` for an alert that became a sharper flag's; new: what would have told of a new one."""
    known = {"id": taken.id, "state": taken.state, "onset_at": taken.onset_at, "raised_at": taken.raised_at}
    previous = {"previous_kind": taken.previous_kind, "previous_severity": taken.previous_severity}
    return new._replace(type=ALERT_ESCALATED, data=lambda: {**new.data(), **known, **previous})


def resolved_messages(alerts: Sequence[ResolvedAlert], at: datetime, sequences: dict[int, int]) -> list[OutboxMessage]:
    """`alert.resolved` for alerts whose condition ended; sequences: by customer_key."""
    messages: list[OutboxMessage] = []
    for alert in alerts:
        sequence = sequences.get(alert.customer_key, 0)
        data = {
            "id": alert.id,
            "customer_id": alert.customer_id,
            "kind": alert.kind,
            "severity": alert.severity,
            "state": "resolved",
            "summary": alert.summary,
            "onset_at": alert.onset_at,
            "raised_at": alert.raised_at,
            "detail": {},
            "sequence": sequence,
        }
        messages.append(
            OutboxMessage(
                id=message_id(alert.id, "resolved"),
                type=ALERT_RESOLVED,
                customer_id=alert.customer_id,
                body=body(ALERT_RESOLVED, at, data),
                logged_at=None,
            )
        )
    return messages
