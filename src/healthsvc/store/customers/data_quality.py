"""Events of customers that couldn't be read, and weren't mended since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """So many events were set aside for one reason, the last one then."""

    reason: str
    count: int
    last_at: datetime


async def rejected(
    conn: AsyncConnection, customer_ids: Sequence[str], after: datetime, until: datetime
) -> dict[str, list[Rejected]]:
    """By customer; the most frequent reason first."""
    rows = await conn.execute(
        text("""
            select customer_id, reason, count(*) as times, max(created_at) as last_at
                from dead_letters
            where customer_id = any(cast(:ids as text[])) and created_at > :after
                and created_at <= :until
              and (replayed_at is null or replayed_at > :until)
            group by 1, 2 order by 3 desc, 2
        """),
        {"ids": list(customer_ids), "after": after, "until": until},
    )
    by_customer: dict[str, list[Rejected]] = {}
    for row in rows:
        by_customer.setdefault(row.customer_id, []).append(
            Rejected(reason=row.reason, count=row.times, last_at=row.last_at)
        )
    return by_customer
