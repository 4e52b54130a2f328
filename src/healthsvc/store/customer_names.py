"""What customers are called, as lists have it."""

from collections.abc import Sequence

from sqlalchemy import text

from healthsvc.store.engine import AsyncConnection


async def names(conn: AsyncConnection, customer_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of these customers by id; none of a customer that nobody named."""
    if not customer_ids:
        return {}
    rows = await conn.execute(
        text("""
            select c.customer_id, s.name from customers c join standings s on s.customer_key = c.key
            where c.customer_id = any(cast(:ids as text[])) and s.name <> ''
                and s.projection = (select id from projections where state = 'live')
        """),
        {"ids": list(customer_ids)},
    )
    return {row.customer_id: row.name for row in rows}
