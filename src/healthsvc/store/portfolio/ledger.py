"""The ledger: money, answers, tickets and use of functions, taken from the archive step by step as it grows.

A partition's archive is numbered without gaps and committed together with its `applied` count, so what is new is
exactly the numbers between the mark and that count. They are looked for in the tables of the days since the mark was
set: a step costs one pass over those, beside the events themselves. Figures outlive the archive's days.
"""

from typing import Final

from sqlalchemy import text

from healthsvc.core.portfolio import (
    ANSWERED,
    CANCELLED,
    CES,
    CSAT,
    NPS,
    OPENED,
    PROFILE,
    RENEWED,
    RESOLVED,
)
from healthsvc.store.database.engine import AsyncConnection

SPAN_US: Final = 28 * 86_400_000_000
STEP: Final = 50_000
"""Events of a partition taken in at once."""

_UNMARKED = text("""
    select exists (
        select from partitions p where p.projection = (select id from projections where state = 'live')
            and not exists (select from ledger_marks m where m.partition = p.partition)
    )
""")
_MARK = text("""
    insert into ledger_marks (partition, sequence, read_on, missing_until)
    select p.partition, coalesce(a.oldest, 0), coalesce(a.since, date '1970-01-01'),
        case when a.oldest > 0 then a.since::timestamp at time zone 'UTC' end
    from partitions p left join (
        select partition, min(sequence) as oldest, min(logged_on) as since from archive group by partition
    ) a using (partition)
    where p.projection = (select id from projections where state = 'live')
    on conflict (partition) do nothing
""")
_ALONE = text("select pg_try_advisory_xact_lock(hashtext('healthsvc_ledger'))")
_WAITING = text("""
    select coalesce(sum(greatest(p.applied - coalesce(m.sequence, 0), 0)), 0)::bigint from partitions p
    left join ledger_marks m using (partition) where p.projection = (select id from projections where state = 'live')
""")

_KINDS: Final = {
    "customer.updated": PROFILE,
    "subscription.changed": RENEWED,
    "subscription.renewed": RENEWED,
    "subscription.cancelled": CANCELLED,
    "ticket.opened": OPENED,
    "ticket.answered": ANSWERED,
    "ticket.resolved": RESOLVED,
}
_SURVEYS: Final = {"nps": NPS, "csat": CSAT, "ces": CES}


def _case(column: str, numbers: dict[str, int]) -> str:
    known = " ".join(f"when '{name}' then {number}" for name, number in numbers.items())
    return f"case {column} {known} end"


_FRESH: Final = """
    fresh as materialized (
        select a.customer_key, a.occurred_us, a.partition, a.sequence, a.logged_on, a.event
        from archive a join wanted w on a.partition = w.partition and a.sequence >= w.first and a.sequence < w.below
        where a.logged_on >= (select min(since) from wanted)
    )
"""
_TAKE = text(f"""
    with wanted as materialized (
        select m.partition, m.sequence as first, least(p.applied, m.sequence + :step) as below, m.read_on - 2 as since
        from ledger_marks m join partitions p using (partition)
        where p.projection = (select id from projections where state = 'live') and p.applied > m.sequence
    ), {_FRESH},
    said as materialized (
        select customer_key, occurred_us, partition, sequence, event::json as event from fresh
        where event like any(array['%"customer.updated"%', '%"subscription.%', '%"survey.answered"%', '%"ticket.%'])
    ),
    entries as (
        insert into ledger
        select customer_key, occurred_us, partition, sequence, kind,
            case when kind in ({NPS}, {CSAT}, {CES}) then (data ->> 'score')::float8 else (data ->> 'mrr')::float8 end,
            (data ->> 'previous_mrr')::float8, (data ->> 'features_owned')::float8,
            hashtextextended(data ->> 'ticket_id', 0), data ->> 'effective_at'
        from (
            select s.*, event -> 'data' as data,
                case event ->> 'type' when 'survey.answered' then {_case("event -> 'data' ->> 'survey'", _SURVEYS)}
                    else {_case("event ->> 'type'", _KINDS)} end as kind
            from said s
        ) known
        where kind is not null
            and (kind <> {PROFILE} or coalesce(data ->> 'mrr', data ->> 'features_owned') is not null)
    ),
    seen as (
        insert into ledger_customers as known select customer_key, min(occurred_us) from fresh group by customer_key
        on conflict (customer_key) do update set first_us = excluded.first_us where excluded.first_us < known.first_us
    ),
    used as (
        insert into ledger_functions as known
        select customer_key, occurred_us / {SPAN_US}, hashtextextended(event::json -> 'data' ->> 'feature', 0),
            min(occurred_us), max(occurred_us)
        from fresh where event like '%"feature.used"%' and event::json ->> 'type' = 'feature.used' group by 1, 2, 3
        on conflict (customer_key, span, function) do update
        set first_us = least(known.first_us, excluded.first_us), last_us = greatest(known.last_us, excluded.last_us)
    ),
    found as (
        select w.partition, w.below, count(f.sequence) as events, w.below - w.first as expected,
            min(f.sequence) as oldest, min(f.logged_on) as since, max(f.logged_on) as latest
        from wanted w left join fresh f using (partition) group by w.partition, w.first, w.below
    )
    update ledger_marks m set sequence = f.below, read_on = coalesce(f.latest, m.read_on),
        missing_until = case
            when f.events = f.expected then m.missing_until
            when f.events > 0 and f.oldest = f.below - f.events then f.since::timestamp at time zone 'UTC'
            else now() end
    from found f where m.partition = f.partition
    returning f.events
""")


async def catch_up(conn: AsyncConnection, step: int = STEP) -> int | None:
    """Take in the next events of each partition, at most `step` of each; answers how many still wait, None if somebody
    else is at it."""
    if not await conn.scalar(_ALONE):
        return None
    if await conn.scalar(_UNMARKED):
        await conn.execute(_MARK)
    await conn.execute(_TAKE, {"step": step})
    return await waiting(conn)


async def waiting(conn: AsyncConnection) -> int:
    """Events that are counted and not in the ledger yet."""
    found: int = await conn.scalar(_WAITING) or 0
    return found
