"""A customer about which something was decided, and the changes that are made of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from healthsvc.core.instants import from_us
from healthsvc.store.changes.change_log import NewChange
from healthsvc.wire.webhooks.changes import encode_facts
from healthsvc.wire.webhooks.webhook_type import WebhookType


class ChangedCustomer(NamedTuple):
    """A customer about which something was decided."""

    key: int
    customer_id: str
    partition: int
    at: datetime
    logged_us: int
    """When the newest event behind it entered the log; 0: time alone."""
    last_sequence: int
    object: Mapping[str, Any]
    """What is kept of it with a change."""

    def change(self, type: WebhookType[Any], data: Any, at: datetime | None = None) -> NewChange:
        """A change of it; data: an instance of the type's dataclass."""
        return NewChange(
            type=type.name,
            customer_key=self.key,
            customer_id=self.customer_id,
            partition=self.partition,
            at=at or self.at,
            facts=encode_facts(data),
            logged_at=from_us(self.logged_us) if self.logged_us else None,
            last_sequence=self.last_sequence,
        )
