"""Webhooks of a flush before rendering: rendered only if an endpoint subscribes to their type."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from healthsvc.core.alerts import RESOLVED
from healthsvc.core.instants import from_us
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.store.processing.alert_writes import AlertRow, ResolvedAlert, TakenOver
from healthsvc.wire.webhooks import alerts as alert_webhooks
from healthsvc.wire.webhooks import customers
from healthsvc.wire.webhooks.alerts import AlertData
from healthsvc.wire.webhooks.bodies import message_id
from healthsvc.wire.webhooks.webhook_type import WebhookType

ALERT_RAISED: Final = alert_webhooks.ALERT_RAISED
ALERT_RESOLVED: Final = alert_webhooks.ALERT_RESOLVED
RISK_RAISED: Final = customers.RISK_RAISED
BAND_CHANGED: Final = customers.BAND_CHANGED


class UnrenderedMessage(NamedTuple):
    """One message. `data` is asked for only when it is worded, soon after: most are told to
    nobody."""

    type: WebhookType[Any]
    customer_id: str
    at: datetime
    sequence: int
    logged_us: int
    data: Callable[[int], Any]
    """What it says, an instance of the type's dataclass, given the sequence."""

    def render(self) -> OutboxMessage:
        return OutboxMessage(
            id=message_id(self.customer_id, self.type.name, self.sequence, self.at.isoformat()),
            type=self.type.name,
            customer_id=self.customer_id,
            body=self.type.body(self.at, self.data(self.sequence)),
            logged_at=from_us(self.logged_us) if self.logged_us else None,
        )


def raised(alert: AlertRow, detail: Mapping[str, Any], sequence: int) -> AlertData:
    """What `alert.raised` says; detail: the alert's, before it was encoded."""
    return alert_webhooks.raised(alert, detail, sequence)


def escalated(new: UnrenderedMessage, predecessor: TakenOver) -> UnrenderedMessage:
    """`alert.escalated` for an alert that a more severe flag takes over; new: the message of a new
    alert of that flag."""

    def data(sequence: int) -> alert_webhooks.EscalatedData:
        return alert_webhooks.escalated(
            new.data(sequence),
            id=predecessor.id,
            state=predecessor.state,
            onset_at=predecessor.onset_at,
            raised_at=predecessor.raised_at,
            previous_kind=predecessor.previous_kind,
            previous_severity=predecessor.previous_severity,
        )

    return new._replace(type=alert_webhooks.ALERT_ESCALATED, data=data)


def resolved_messages(
    alerts: Sequence[ResolvedAlert], at: datetime, sequences: dict[int, int]
) -> list[OutboxMessage]:
    """`alert.resolved` for alerts whose condition ended; sequences: by customer_key."""
    return [
        OutboxMessage(
            id=message_id(alert.id, RESOLVED),
            type=ALERT_RESOLVED.name,
            customer_id=alert.customer_id,
            body=ALERT_RESOLVED.body(
                at, alert_webhooks.condition_ended(alert, sequences.get(alert.customer_key, 0))
            ),
            logged_at=None,
        )
        for alert in alerts
    ]
