"""Reads what had been decided about customers by each of some instants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

_DECIDED: Final = text("""
    select c.customer_key, 0 as step, h.band, h.score from ledger_customers c
    cross join lateral (
        select band, score from history h
        where h.customer_key = c.customer_key
            and h.decided_at < (cast(:instants as timestamptz[]))[1]
        order by h.decided_at desc, h.ctid desc limit 1
    ) h
    where c.customer_key > :after and c.customer_key <= :last
    union all
    (select distinct on (customer_key, step) customer_key, step, band, score from (
        select customer_key, decided_at, ctid as place, band, score,
            width_bucket(decided_at, cast(:instants as timestamptz[])) as step
        from history
        where customer_key > :after and customer_key <= :last
            and decided_at >= (cast(:instants as timestamptz[]))[1]
            and decided_at < (cast(:instants as timestamptz[]))[cardinality(:instants)]
    ) h order by customer_key, step, decided_at desc, place desc)
""")


async def decided(
    conn: AsyncConnection, after: int, last: int, instants: Sequence[datetime]
) -> Sequence[Any]:
    """The last decision before the first instant (`step` 0) and the last one of each step between
    two instants (the first step is 1), of customers with keys beyond `after` and up to `last`."""
    rows = await conn.execute(_DECIDED, {"after": after, "last": last, "instants": list(instants)})
    return rows.all()
