"""What an answer about customers is made from, as a text that changes with it: one look-up by index
for many customers."""

from collections.abc import Sequence
from typing import Final

from healthsvc.store.database.engine import AsyncConnection, raw

_REVISIONS: Final = """
    with shown as materialized (
        select p.id, concat(p.id, ' ', p.xmin, ' ', v.xmin, ' ', (
            select string_agg(g.xmin::text, ',' order by g.scope) from guards g
            where g.ended_at is null
        )) as by_version
        from projections p join scorecards v on v.version = p.scorecard_version
        where p.state = 'live'
    )
    select c.customer_id, concat(shown.by_version, ' ', c.key, ' ', s.xmin, ' ', (
        select max(d.created_at) from dead_letters d where d.customer_id = c.customer_id
    )) as revision
    from customers c cross join shown
    left join states s on s.projection = shown.id and s.customer_key = c.key
    where c.customer_id = any((select string_to_array($1, e'\\n'))::text[])
"""
"""A row's `xmin` is the transaction that wrote it: another one with every flush of the customer,
and with every change of the version or of an outage."""


async def revisions(conn: AsyncConnection, customer_ids: Sequence[str]) -> dict[str, str]:
    """By customer; none for unknown ones."""
    driver = await raw(conn)
    listed = "\n".join([c for c in customer_ids if "\n" not in c])
    rows = await driver.fetch(_REVISIONS, listed)
    return {row[0]: row[1] for row in rows}
