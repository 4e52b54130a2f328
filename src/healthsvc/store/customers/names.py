"""What customers are called, as lists have it."""

from collections.abc import Sequence

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


async def names(conn: AsyncConnection, customer_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of these customers by id, without those that have none."""
    if not customer_ids:
        return {}
    rows = await conn.execute(
        text("""
            select customer_id, name from standings
            where customer_id = any(cast(:ids as text[])) and name <> ''
                and projection = (select id from projections where state = 'live')
        """),
        {"ids": list(customer_ids)},
    )
    return {row.customer_id: row.name for row in rows}
