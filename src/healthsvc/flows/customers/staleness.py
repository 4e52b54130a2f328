"""Whether what is known of a customer is stale: a guard of the fleet concerns it, its silence may
be the tracker's."""

from datetime import datetime
from typing import Any

from healthsvc.flows.customers.evaluated_customer import Seen
from healthsvc.store.alerts import outages
from healthsvc.store.database.engine import AsyncConnection


async def stale(conn: AsyncConnection, seen: Seen, at: datetime) -> dict[str, Any] | None:
    """Since when and why it was so at an instant, ready for JSON; None: it wasn't."""
    segment = seen.table.profile_field(0, "segment")
    found = await outages.stale(conn, seen.key, segment if isinstance(segment, str) else None, at)
    return None if found is None else {"since": found.since, "reason": found.scope}
