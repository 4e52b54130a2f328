"""The customers below a parent, from the customer summary of the live projection."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from healthsvc.core.insights.rollup import DEEPEST, MOST
from healthsvc.store.database.engine import AsyncConnection

# A customer has one parent, so whatever hangs below another can come back to itself only by way of
# that one: leaving it out of what is below cuts every circle.
_BELOW = text("""
    with recursive below as (
        select s.projection, s.customer_id, s.customer_key, 1 as depth from standings s
        where s.projection = (select id from projections where state = 'live')
            and s.parent_id = :parent and s.customer_id <> :parent
        union all
        select s.projection, s.customer_id, s.customer_key, b.depth + 1 from below b
        join standings s on s.projection = b.projection and s.parent_id = b.customer_id
        where b.depth < :deepest and s.customer_id <> :parent
    )
    select projection, customer_key, depth from below order by depth, customer_id limit :most
""")


async def below(conn: AsyncConnection, customer_id: str) -> Sequence[Any]:
    """Projection, key and depth of at most `MOST` + 1 customers below, down to `DEEPEST`, the
    nearest first."""
    rows = await conn.execute(_BELOW, {"parent": customer_id, "deepest": DEEPEST, "most": MOST + 1})
    return rows.all()


async def parents(conn: AsyncConnection, customer_ids: Sequence[str]) -> set[str]:
    """Which of these customers are somebody's parent."""
    rows = await conn.execute(
        text("""
            select distinct s.parent_id from standings s
            where s.projection = (select id from projections where state = 'live')
                and s.parent_id = any(cast(:ids as text[])) and s.parent_id <> s.customer_id
        """),
        {"ids": list(customer_ids)},
    )
    return set(rows.scalars())


async def is_known(conn: AsyncConnection, customer_id: str) -> bool:
    """Whether there is such a customer."""
    exists: bool = await conn.scalar(
        text("select exists (select from customers where customer_id = :id)"), {"id": customer_id}
    )
    return exists
