"""How fast a customer's tickets were answered and resolved, from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from healthsvc.core.portfolio.entries import ANSWERED, OPENED, RESOLVED
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Tickets opened within a span; hours are means, None where no ticket got so far."""

    tickets: int
    answered: int
    hours_to_first_answer: float | None
    resolved: int
    hours_to_resolution: float | None


_RESPONSES: Final = text("""
    with opened as (
        select customer_key, item, min(occurred_us) as us from ledger
        where customer_key = any(:keys) and kind = :opened and occurred_us <= :until
        group by customer_key, item
    ), tickets as (
        select o.customer_key, o.item, o.us,
            min(l.occurred_us) filter (where l.kind = :answered) - o.us as first_answer,
            max(l.occurred_us) filter (where l.kind = :resolved) - o.us as resolution
        from opened o left join ledger l on l.customer_key = o.customer_key and l.item = o.item
            and l.kind in (:answered, :resolved) and l.occurred_us >= o.us
                and l.occurred_us <= :until
        where o.us > :after group by o.customer_key, o.item, o.us
    )
    select customer_key, count(*) as tickets, count(first_answer) as answered,
        count(resolution) as resolved,
        cast(avg(first_answer) / 3.6e9 as float8) as hours_to_first_answer,
        cast(avg(resolution) / 3.6e9 as float8) as hours_to_resolution
    from tickets group by customer_key
""")
NO_TICKETS: Final = Response(
    tickets=0, answered=0, hours_to_first_answer=None, resolved=0, hours_to_resolution=None
)


async def responses(
    conn: AsyncConnection, customer_keys: Sequence[int], after_us: int, until_us: int
) -> dict[int, Response]:
    """By customer, of its tickets that were opened within a span, by what was known at its end:
    from the opening to the first answer, and to the last resolution after it. None for customers
    without such tickets."""
    rows = await conn.execute(
        _RESPONSES,
        {
            "keys": list(customer_keys),
            "after": after_us,
            "until": until_us,
            "opened": OPENED,
            "answered": ANSWERED,
            "resolved": RESOLVED,
        },
    )
    by_customer = [dict(row) for row in rows.mappings()]
    return {row.pop("customer_key"): Response(**row) for row in by_customer}
