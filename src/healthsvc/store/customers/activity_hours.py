"""The hours at which customers were active lately, from the archive."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

MOST: Final = 500


class Act(NamedTuple):
    """An archived event as far as it says when somebody acted."""

    occurred_us: int
    event_type: str
    visit: str | None
    """The event (JSON) if it is a visit; None for others."""


async def acted(
    conn: AsyncConnection,
    keys: Sequence[int],
    after_us: int,
    not_types: Collection[str],
    visits: Collection[str],
) -> dict[int, list[Act]]:
    """By customer: its newest events after an instant, at most `MOST` looked at, without those of
    some types. visits: the types of which the event comes along.

    Events at midnight UTC to the microsecond have a day and no hour.
    """
    rows = await conn.execute(
        text("""
            select k.key, e.occurred_us, e.event::json ->> 'type' as type,
                case when e.event::json ->> 'type' = any(cast(:visits as text[]))
                    then e.event end as visit
            from unnest(cast(:keys as bigint[])) k(key)
            cross join lateral (
                select a.occurred_us, a.event from archive a
                where a.customer_key = k.key and a.occurred_us > :after order by a.occurred_us desc
                    limit :most
            ) e
            where e.occurred_us % 86400000000 <> 0
                and not e.event::json ->> 'type' = any(cast(:types as text[]))
        """),
        {
            "keys": list(keys),
            "after": after_us,
            "most": MOST,
            "types": sorted(not_types),
            "visits": sorted(visits),
        },
    )
    acts: dict[int, list[Act]] = {}
    for key, us, event_type, visit in rows:
        acts.setdefault(key, []).append(Act(us, event_type, visit))
    return acts
