"""The hours at which customers were active lately, from the archive."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

MOST: Final = 500


async def acted(
    conn: AsyncConnection, keys: Sequence[int], after_us: int, not_types: Collection[str]
) -> dict[int, list[tuple[int, str]]]:
    """By customer: instants and types of its newest events after one, at most `MOST` looked at,
    without those of some types.

    Events at midnight UTC to the microsecond have a day and no hour.
    """
    rows = await conn.execute(
        text("""
            select k.key, e.occurred_us, e.event::json ->> 'type' as type
            from unnest(cast(:keys as bigint[])) k(key)
            cross join lateral (
                select a.occurred_us, a.event from archive a
                where a.customer_key = k.key and a.occurred_us > :after order by a.occurred_us desc
                    limit :most
            ) e
            where e.occurred_us % 86400000000 <> 0
                and not e.event::json ->> 'type' = any(cast(:types as text[]))
        """),
        {"keys": list(keys), "after": after_us, "most": MOST, "types": sorted(not_types)},
    )
    hours: dict[int, list[tuple[int, str]]] = {}
    for key, us, event_type in rows:
        hours.setdefault(key, []).append((us, event_type))
    return hours
