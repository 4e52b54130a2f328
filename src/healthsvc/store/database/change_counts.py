"""How often what lists show has changed: numbers that are others after each commit that changed
it."""

from typing import Final

from healthsvc.store.database.engine import AsyncConnection, raw

APPLIED: Final = "events"
"""In place of a table: the events that are counted in states."""
_COUNTS: Final = f"""
    select subject, sum(changes)::bigint from change_counts group by subject
    union all
    select '{APPLIED}', coalesce(sum(applied), 0)::bigint from partitions
"""


async def read(conn: AsyncConnection) -> dict[str, int]:
    """The number of changes by table; none for a table that was never changed."""
    driver = await raw(conn)
    return dict(await driver.fetch(_COUNTS))
