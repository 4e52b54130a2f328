"""Whether what is known of a customer is stale: an outage concerns it, its silence may be the
tracker's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer
from healthsvc.store.alerts import outages
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleSince:
    """Since when, and what has fallen: `fleet`, `source:…` or `segment:…`."""

    since: datetime
    reason: str


async def stale(
    conn: AsyncConnection, customer: EvaluatedCustomer, at: datetime
) -> StaleSince | None:
    """Since when and why a customer's score was stale at an instant; None: it wasn't."""
    segment = customer.table.profile_field(customer.row, "segment")
    known_segment = segment if isinstance(segment, str) else None
    outage = await outages.stale(conn, customer.key, known_segment, at)
    return None if outage is None else StaleSince(since=outage.since, reason=outage.scope)


async def stale_customers(
    conn: AsyncConnection, customers: Sequence[EvaluatedCustomer], at: datetime
) -> dict[int, StaleSince]:
    """By key, of those whose score was stale at an instant; one question while nothing has
    fallen."""
    if not await outages.any_at(conn, at):
        return {}
    since = {customer.key: await stale(conn, customer, at) for customer in customers}
    return {key: stale_since for key, stale_since in since.items() if stale_since is not None}
