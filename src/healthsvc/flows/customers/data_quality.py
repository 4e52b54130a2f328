"""Bad data isn't no data: what came of a customer and couldn't be read, so that nobody takes it for
silence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from healthsvc.store.customers import data_quality
from healthsvc.store.customers.data_quality import Rejected
from healthsvc.store.database.engine import AsyncConnection

DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionSummary:
    """Events of one customer that couldn't be read within the last days, by reason."""

    rejected: int = 0
    days: int = DAYS
    reasons: dict[str, int] = field(default_factory=dict)
    last_rejected_at: datetime | None = None


async def of(
    conn: AsyncConnection, customer_ids: Sequence[str], at: datetime
) -> dict[str, RejectionSummary]:
    """The summary of each customer, as it was known at an instant."""
    rejected = await data_quality.rejected(conn, customer_ids, at - timedelta(days=DAYS), at)
    return {customer_id: summary(rejected.get(customer_id, ())) for customer_id in customer_ids}


def summary(rejected: Sequence[Rejected]) -> RejectionSummary:
    """Of one customer."""
    return RejectionSummary(
        rejected=sum(r.count for r in rejected),
        reasons={r.reason: r.count for r in rejected},
        last_rejected_at=max((r.last_at for r in rejected), default=None),
    )
