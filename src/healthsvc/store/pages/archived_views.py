"""Addresses of archived page views, from a sample of the archive."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.lab import archive_export

SAMPLE: Final = 300_000
"""About so many archived events are looked at."""
MOST: Final = 50_000
"""Addresses and titles that are read, the most frequent first."""


@dataclass(frozen=True, slots=True)
class AddressViews:
    """How often an address was viewed under a title."""

    url: str
    title: str | None
    views: int
    customers: int


async def most_viewed(conn: AsyncConnection, sample: int = SAMPLE) -> list[AddressViews]:
    """The addresses of a sample of the archive, the most frequent first, without those whose sender
    says the kind itself."""
    percent = min(100.0, 100.0 * sample / max(await archive_export.count(conn), 1))
    rows = await conn.execute(
        text("""
            select data ->> 'url' as url, data ->> 'title' as title, count(*) as views,
                   count(distinct customer_key) as customers
            from (
                select customer_key, event::json -> 'data' as data
                from archive tablesample system (:percent) repeatable (1)
                where event like '%"page.viewed"%' and event::json ->> 'type' = 'page.viewed'
            ) v
            where data ->> 'kind' is null and data ->> 'url' is not null
            group by 1, 2 order by views desc, url, title limit :most
        """),
        {"percent": percent, "most": MOST},
    )
    return [AddressViews(r.url, r.title, r.views, r.customers) for r in rows]
