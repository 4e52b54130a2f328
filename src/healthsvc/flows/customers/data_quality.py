"""Bad data isn't no data: what came of a customer and couldn't be read, so that nobody takes it for
silence."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from healthsvc.store.customers import data_quality
from healthsvc.store.customers.data_quality import Rejected
from healthsvc.store.database.engine import AsyncConnection

DAYS: Final = 30


async def of(
    conn: AsyncConnection, customer_ids: Sequence[str], at: datetime
) -> dict[str, dict[str, Any]]:
    """By customer, ready for JSON, as it was known at an instant."""
    found = await data_quality.rejected(conn, customer_ids, at - timedelta(days=DAYS), at)
    return {customer_id: told(found.get(customer_id, ())) for customer_id in customer_ids}


def told(rejected: Sequence[Rejected]) -> dict[str, Any]:
    """Of one customer."""
    return {
        "rejected": sum(r.count for r in rejected),
        "days": DAYS,
        "reasons": {r.reason: r.count for r in rejected},
        "last_rejected_at": max((r.last_at for r in rejected), default=None),
    }
