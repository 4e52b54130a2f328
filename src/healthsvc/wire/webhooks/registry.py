"""Every type of webhook, once; subscriptions, schemas and documents are derived from this table."""

from collections.abc import Mapping
from typing import Any, Final

from healthsvc.wire.webhooks import alerts, customers, deliveries, operations, scorecards
from healthsvc.wire.webhooks.webhook_type import Schema, WebhookType

_ALL: Final[tuple[WebhookType[Any], ...]] = (
    alerts.ALERT_RAISED,
    alerts.ALERT_ESCALATED,
    alerts.ALERT_DE_ESCALATED,
    alerts.ALERT_ACKNOWLEDGED,
    alerts.ALERT_RESOLVED,
    customers.BAND_CHANGED,
    customers.RISK_RAISED,
    customers.RISK_CLEARED,
    customers.SCORE_CHANGED,
    customers.FLAG_RAISED,
    customers.FLAG_RELEASED,
    scorecards.PUBLISHED,
    operations.OPERATIONS_RAISED,
    operations.OPERATIONS_ACKNOWLEDGED,
    operations.OPERATIONS_RESOLVED,
    deliveries.ENDPOINT_DISABLED,
    deliveries.DELIVERY_EXHAUSTED,
    deliveries.DELIVERY_RECOVERED,
    deliveries.TEST_SENT,
)
TYPES: Final[Mapping[str, WebhookType[Any]]] = {type.name: type for type in _ALL}
"""By name."""
CHANGE_TYPES: Final = tuple(type.name for type in _ALL if type.is_change)
"""The names of those that the change feed has."""


def all_schemas() -> dict[str, Schema]:
    """Every type's schema, by type."""
    return {name: type.schema() for name, type in TYPES.items()}
