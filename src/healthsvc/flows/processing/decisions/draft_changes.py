"""Changes of a flush before they are numbered; those of alerts wait for what the database makes of
the alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from healthsvc.flows.changes.changed_customer import ChangedCustomer
from healthsvc.store.changes.change_log import NewChange
from healthsvc.store.processing.alert_writes import ResolvedAlert, TakenOver
from healthsvc.wire.webhooks import alerts as alert_webhooks
from healthsvc.wire.webhooks.alerts import AlertData


class DraftChange(NamedTuple):
    """A change; `by_absence`: time alone made it, so it is none while an outage concerns the
    customer."""

    change: NewChange
    by_absence: bool = False


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """What a new alert would say, and of whom."""

    customer: ChangedCustomer
    data: AlertData

    def raised(self) -> NewChange:
        return self.customer.change(alert_webhooks.ALERT_RAISED, self.data)

    def taken_over(self, alert: TakenOver, *, escalated: bool) -> NewChange:
        """The change of an alert that the flag of this one has taken over."""
        type = alert_webhooks.ALERT_ESCALATED if escalated else alert_webhooks.ALERT_DE_ESCALATED
        data = alert_webhooks.taken_over(
            self.data,
            id=alert.id,
            state=alert.state,
            onset_at=alert.onset_at,
            raised_at=alert.raised_at,
            previous_kind=alert.previous_kind,
            previous_severity=alert.previous_severity,
        )
        return self.customer.change(type, data)


def resolved(
    alerts: Sequence[ResolvedAlert], customers: Mapping[int, ChangedCustomer], at: datetime
) -> list[NewChange]:
    """The changes of alerts whose condition ended; customers: by key."""
    changes = []
    for alert in alerts:
        customer = customers[alert.customer_key]._replace(logged_us=0)
        data = alert_webhooks.condition_ended(alert, customer.object)
        changes.append(customer.change(alert_webhooks.ALERT_RESOLVED, data, at))
    return changes
