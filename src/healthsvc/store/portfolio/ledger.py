"""The ledger: money, answers, tickets and use of functions, taken from the archive step by step as
it grows.

A partition's archive is numbered without gaps and committed together with its `applied` count, so
what is new is exactly the numbers between the mark and that count. They are looked for in the
tables of the days since the mark was set: a step costs one pass over those, beside the events
themselves. Figures outlive the archive's days.

Of an event only the fields that its type declares are read. A step that fails on content all the
same is taken once more with every event and number read by itself (`event_json`, `json_number` of
the schema), which costs twice the time and can't fail: an event that can't be read is set aside as
a dead letter of the archive, and the others go on.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError

from healthsvc.core.portfolio.entries import (
    ANSWERED,
    CANCELLED,
    CES,
    CHANGED,
    CSAT,
    NPS,
    OPENED,
    PROFILE,
    RENEWED,
    RESOLVED,
    WITHDRAWN,
)
from healthsvc.store.database.engine import AsyncConnection

SPAN_US: Final = 28 * 86_400_000_000
STEP: Final = 50_000
"""Events of a partition taken in at once."""
NAMES_AT_MOST: Final = 20_000
"""Names of used features are kept up to about so many: a sender may put ids into them."""

_UNMARKED = text("""
    select exists (
        select from partitions p where p.projection = (select id from projections
            where state = 'live')
            and not exists (select from ledger_marks m where m.partition = p.partition)
    )
""")
_MARK = text("""
    insert into ledger_marks (partition, sequence, read_on, missing_until)
    select p.partition, coalesce(a.oldest, 0), coalesce(a.since, date '1970-01-01'),
        case when a.oldest > 0 then a.since::timestamp at time zone 'UTC' end
    from partitions p left join (
        select partition, min(sequence) as oldest, min(logged_on) as since from archive
            group by partition
    ) a using (partition)
    where p.projection = (select id from projections where state = 'live')
    on conflict (partition) do nothing
""")
_ALONE = text("select pg_try_advisory_xact_lock(hashtext('healthsvc_ledger'))")
_WAITING = text("""
    select coalesce(sum(greatest(p.applied - coalesce(m.sequence, 0), 0)), 0)::bigint
        from partitions p
    left join ledger_marks m using (partition) where p.projection = (select id from projections
        where state = 'live')
""")

_KINDS: Final = {
    "customer.updated": PROFILE,
    "subscription.changed": CHANGED,
    "subscription.renewed": RENEWED,
    "subscription.cancelled": CANCELLED,
    "subscription.cancellation_withdrawn": WITHDRAWN,
    "ticket.opened": OPENED,
    "ticket.answered": ANSWERED,
    "ticket.resolved": RESOLVED,
}
_SURVEYS: Final = {"nps": NPS, "csat": CSAT, "ces": CES}


def _case(column: str, numbers: dict[str, int]) -> str:
    branches = " ".join(f"when '{name}' then {number}" for name, number in numbers.items())
    return f"case {column} {branches} end"


_FRESH: Final = """
    fresh as materialized (
        select a.customer_key, a.occurred_us, a.partition, a.sequence, a.logged_on, a.event
        from archive a join wanted w on a.partition = w.partition and a.sequence >= w.first
            and a.sequence < w.below
        where a.logged_on >= (select min(since) from wanted)
    )
"""
_ESCAPED: Final = r"%\\u00%"
"""Text of an event whose type may be written with escapes, as in "ticket\\u002eopened"."""
_MARKS: Final = (
    '%"customer.updated"%',
    '%"subscription.%',
    '%"survey.answered"%',
    '%"ticket.%',
    _ESCAPED,
)
_USED_MARKS: Final = ('%"feature.used"%', _ESCAPED)
_CONTENT: Final = ("22", "54")
"""Classes of errors that content causes: data exceptions, and limits such as how deep JSON may be
nested."""
_WHY: Final = "the archived event can't be read: it is in no figure of the portfolio"


_LETTERS: Final = """letters as (
        insert into dead_letters
            (origin, topic, partition, position, raw, raw_bytes, reason, errors, customer_id)
        select 'archive', 'ledger', f.partition, f.sequence, convert_to(f.event, 'UTF8'),
            octet_length(f.event),
            'unreadable', jsonb_build_array(jsonb_build_object('pointer', '', 'detail',
                cast(:why as text))),
            c.customer_id
        from fresh f left join customers c on c.key = f.customer_key
        where f.event like any(cast(:marks as text[]) || cast(:used as text[]))
            and event_json(f.event) is null
        on conflict (origin, topic, partition, position) do nothing returning 1
    ),"""


def _owned(told: str, number: str) -> str:
    """How many features a profile says: a number, or names that are counted once each."""
    return f"""
        case json_typeof({told}) when 'array' then
            (select count(distinct t.name) from json_array_elements_text({told}) as t (name))
        else {number.format(told)} end
    """


def _take(parsed: str, number: str, letters: str = "") -> TextClause:
    """The statement of a step; answers the number of the letters. parsed: an event as JSON; number:
    a member `{0}` as a number; letters: sets aside what can't be read; all as SQL."""
    aside = "select count(*) from letters" if letters else "select 0"
    score, mrr, previous = (
        number.format(f"(data -> '{name}')") for name in ("score", "mrr", "previous_mrr")
    )
    owned = _owned("(data -> 'features_owned')", number)
    return text(f"""
    with wanted as materialized (
        select m.partition, m.sequence as first, least(p.applied, m.sequence + :step) as below,
            m.read_on - 2 as since
        from ledger_marks m join partitions p using (partition)
        where p.projection = (select id from projections where state = 'live')
            and p.applied > m.sequence
    ), {_FRESH},
    parsed as materialized (
        select customer_key, occurred_us, partition, sequence, {parsed} as event
        from fresh where event like any(cast(:marks as text[]))
    ),
    entries as (
        insert into ledger
        select customer_key, occurred_us, partition, sequence, kind,
            case when kind in ({NPS}, {CSAT}, {CES}) then {score}
                when kind in ({PROFILE}, {RENEWED}, {CHANGED}) then {mrr} end,
            case when type = 'subscription.changed' then {previous} end,
            case when kind = {PROFILE} then {owned} end,
            case when kind in ({OPENED}, {ANSWERED},
                {RESOLVED}) then hashtextextended(data ->> 'ticket_id', 0)
                when kind in ({RENEWED}, {CHANGED}, {CANCELLED}, {WITHDRAWN})
                then hashtextextended(data ->> 'subscription_id', 0) end,
            case when kind = {CANCELLED} then data ->> 'effective_at' end
        from (
            select p.*, event ->> 'type' as type, event -> 'data' as data,
                case event ->> 'type'
                    when 'survey.answered' then {_case("event -> 'data' ->> 'survey'", _SURVEYS)}
                    else {_case("event ->> 'type'", _KINDS)} end as kind
            from parsed p
        ) known
        where kind is not null
            and (kind <> {PROFILE} or coalesce(data ->> 'mrr',
                data ->> 'features_owned') is not null)
    ),
    {letters}
    seen as (
        insert into ledger_customers as known select customer_key, min(occurred_us) from fresh
            group by customer_key
        on conflict (customer_key) do update set first_us = excluded.first_us
            where excluded.first_us < known.first_us
    ),
    owned as (
        insert into ledger_features_owned as known
        select distinct on (customer_key) customer_key, occurred_us, sequence,
            case when json_typeof(told) = 'array' then
                array(select distinct t.name from json_array_elements_text(told) as t (name)) end
        from (
            select p.*, event -> 'data' -> 'features_owned' as told from parsed p
            where event ->> 'type' = 'customer.updated'
        ) p
        where json_typeof(told) in ('number', 'array')
        order by customer_key, occurred_us desc, sequence desc
        on conflict (customer_key) do update
        set occurred_us = excluded.occurred_us, sequence = excluded.sequence, names = excluded.names
        where (excluded.occurred_us, excluded.sequence) > (known.occurred_us, known.sequence)
    ),
    uses as materialized (
        select customer_key, occurred_us, event -> 'data' ->> 'feature' as name
        from (
            select customer_key, occurred_us, {parsed} as event from fresh
                where event like any(cast(:used as text[]))
        ) f
        where event ->> 'type' = 'feature.used' and event -> 'data' ->> 'feature' is not null
    ),
    named as (
        insert into ledger_feature_names
        select distinct on (hashtextextended(name, 0)) hashtextextended(name, 0), name from uses
        where (select count(*) from ledger_feature_names) < {NAMES_AT_MOST}
        on conflict (function) do nothing
    ),
    used as (
        insert into ledger_functions as known
        select customer_key, occurred_us / {SPAN_US}, hashtextextended(name, 0),
            min(occurred_us), max(occurred_us)
        from uses
            group by 1, 2, 3
        on conflict (customer_key, span, function) do update
        set first_us = least(known.first_us, excluded.first_us), last_us = greatest(known.last_us,
            excluded.last_us)
    ),
    found as (
        select w.partition, w.below, count(f.sequence) as events, w.below - w.first as expected,
            min(f.sequence) as oldest, min(f.logged_on) as since, max(f.logged_on) as latest
        from wanted w left join fresh f using (partition) group by w.partition, w.first, w.below
    )
    update ledger_marks m set sequence = f.below, read_on = coalesce(f.latest, m.read_on),
        missing_until = case
            when f.events = f.expected then m.missing_until
            when f.events > 0
                and f.oldest = f.below - f.events then f.since::timestamp at time zone 'UTC'
            else now() end
    from found f where m.partition = f.partition
    returning ({aside}) as set_aside
    """)


_CURRENT = text("""
    update ledger_marks m set as_of = p.read_through_at from partitions p
    where p.projection = (select id from projections where state = 'live')
        and p.partition = m.partition
        and p.applied = m.sequence and p.read_through_at > coalesce(m.as_of, '-infinity')
""")


_QUICK: Final = _take(
    "event::json",
    "case when json_typeof({0}) = 'number' then cast({0} #>> '{{}}' as double precision) end",
)
_ONE_BY_ONE: Final = _take("event_json(event)", "json_number({0})", _LETTERS)


async def catch_up(
    conn: AsyncConnection, step: int = STEP, on_set_aside: Callable[[int], None] | None = None
) -> int | None:
    """Add the next events of each partition, at most `step` of each; returns how many still wait,
    None if another process is at it."""
    if not await conn.scalar(_ALONE):
        return None
    if await conn.scalar(_UNMARKED):
        await conn.execute(_MARK)
    set_aside = await _advance(
        conn, {"step": step, "marks": list(_MARKS), "used": list(_USED_MARKS)}
    )
    if set_aside and on_set_aside is not None:
        on_set_aside(set_aside)
    await conn.execute(_CURRENT)
    return await waiting(conn)


async def _advance(conn: AsyncConnection, values: dict[str, Any]) -> int:
    """Take a step; answers how many events were set aside."""
    try:
        async with conn.begin_nested():
            quick: int | None = await conn.scalar(_QUICK, values)
            return quick or 0
    except DBAPIError as error:
        if not str(getattr(error.orig, "sqlstate", "")).startswith(_CONTENT):
            raise
    guarded: int | None = await conn.scalar(_ONE_BY_ONE, {**values, "why": _WHY})
    return guarded or 0


async def waiting(conn: AsyncConnection) -> int:
    """Events that are counted and not in the ledger yet."""
    count: int = await conn.scalar(_WAITING) or 0
    return count
