"""The people at a customer, from the archive: the newest events of one customer, person by
person."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import text

from healthsvc.core.events import NOT_BY_CUSTOMER
from healthsvc.store.database.engine import AsyncConnection

MOST_EVENTS: Final = 10_000
MOST_PEOPLE: Final = 500

_PEOPLE = text("""
    with newest as materialized (
        select occurred_us, event::json as event from archive
        where customer_key = :key and occurred_us > :after and occurred_us <= :until
        order by occurred_us desc limit :most
    ), said as (
        select occurred_us, event ->> 'contact_id' as contact_id, event ->> 'type' as type,
            event -> 'data' as data,
            event ->> 'type' <> all(:ours) as own
        from newest where event ->> 'contact_id' is not null
    )
    select contact_id, count(*) filter (where own) as events,
        count(*) filter (where own and occurred_us > :lately) as events_lately,
        coalesce(min(occurred_us) filter (where own), 0) as first_us,
        coalesce(max(occurred_us) filter (where own), 0) as last_us,
        (array_agg(json_number(data -> 'score') order by occurred_us desc)
            filter (where type = 'survey.answered' and data ->> 'survey' = 'nps'))[1] as nps,
        coalesce(max(occurred_us) filter (where type = 'survey.answered'
            and data ->> 'survey' = 'nps'), 0) as nps_us,
        coalesce(max(occurred_us) filter (where type = 'contact.logged'), 0) as contacted_us,
        coalesce(max(occurred_us) filter (where type = 'champion.left'), 0) as left_us,
        (select count(*) from newest) as looked_at
    from said group by contact_id
    order by coalesce(max(occurred_us) filter (where own), 0) desc, contact_id limit :people
""")


async def people(
    conn: AsyncConnection, key: int, after_us: int, until_us: int, lately_us: int
) -> Sequence[Any]:
    """The people named by the newest `MOST_EVENTS` events within the span, the last seen first."""
    rows = await conn.execute(
        _PEOPLE,
        {
            "key": key,
            "after": after_us,
            "until": until_us,
            "lately": lately_us,
            "ours": sorted(NOT_BY_CUSTOMER),
        }
        | {"most": MOST_EVENTS, "people": MOST_PEOPLE},
    )
    return rows.mappings().all()


async def champion(conn: AsyncConnection, key: int) -> str | None:
    """The main contact, where the customer's attribute `champion` names one."""
    person: str | None = await conn.scalar(
        text("""
            select told -> 3 ->> 'attributes.champion' from states,
                json_array_elements(profile) told
            where customer_key = :key and projection = (select id from projections
                where state = 'live')
                and told -> 3 ->> 'attributes.champion' is not null limit 1
        """),
        {"key": key},
    )
    return person
