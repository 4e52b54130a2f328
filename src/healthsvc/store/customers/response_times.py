"""How fast a customer's tickets were answered and resolved, from the ledger."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from healthsvc.core.portfolio import ANSWERED, OPENED, RESOLVED
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Tickets opened within a span; hours are means, None where no ticket got so far."""

    tickets: int
    answered: int
    hours_to_first_answer: float | None
    resolved: int
    hours_to_resolution: float | None


_RESPONSE: Final = text("""
    with opened as (
        select item, min(occurred_us) as us from ledger
        where customer_key = :key and kind = :opened and occurred_us <= :until group by item
    ), tickets as (
        select o.item, o.us,
            min(l.occurred_us) filter (where l.kind = :answered) - o.us as first_answer,
            max(l.occurred_us) filter (where l.kind = :resolved) - o.us as resolution
        from opened o left join ledger l on l.customer_key = :key and l.item = o.item
            and l.kind in (:answered, :resolved) and l.occurred_us >= o.us
                and l.occurred_us <= :until
        where o.us > :after group by o.item, o.us
    )
    select count(*) as tickets, count(first_answer) as answered, count(resolution) as resolved,
        cast(avg(first_answer) / 3.6e9 as float8) as hours_to_first_answer,
        cast(avg(resolution) / 3.6e9 as float8) as hours_to_resolution
    from tickets
""")


async def response(
    conn: AsyncConnection, customer_key: int, after_us: int, until_us: int
) -> Response:
    """Of one customer's tickets that were opened within a span, by what was known at its end: from
    the opening to the first answer, and to the last resolution after it."""
    rows = await conn.execute(
        _RESPONSE,
        {
            "key": customer_key,
            "after": after_us,
            "until": until_us,
            "opened": OPENED,
            "answered": ANSWERED,
            "resolved": RESOLVED,
        },
    )
    return Response(**rows.mappings().one())
