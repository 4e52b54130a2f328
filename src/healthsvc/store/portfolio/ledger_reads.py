"""Reads the ledger: customers in the order of their keys, some at a time, and their entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import text

from healthsvc.core.portfolio.measures import ACTIVE_US
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.portfolio.ledger import SPAN_US

By = Literal["segment", "tier", "owner"]
LIVE: Final = "projection = (select id from projections where state = 'live')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far the ledger reaches."""

    missing_until: datetime | None
    """Some events logged before were never in the archive."""
    first_us: int | None
    """The first event of all."""
    as_of: datetime | None
    """Everything logged up to here is in the ledger; None: not known of every partition."""


async def still(conn: AsyncConnection) -> None:
    """Have all that follows in this transaction see one state of the database."""
    await conn.execute(text("set transaction isolation level repeatable read, read only"))


async def reach(conn: AsyncConnection) -> Reach:
    """The span that the ledger covers."""
    row = (
        await conn.execute(
            text(f"""
                select (select max(missing_until) from ledger_marks) as missing_until,
                    (select min(first_us) from ledger_customers) as first_us,
                    (select case when count(*) = count(p.as_of) then min(p.as_of) end from (
                        select case when p.applied <= m.sequence then p.read_through_at
                            else m.as_of end as as_of
                        from partitions p left join ledger_marks m using (partition) where {LIVE}
                    ) p) as as_of
            """)
        )
    ).one()
    return Reach(missing_until=row.missing_until, first_us=row.first_us, as_of=row.as_of)


async def groups(conn: AsyncConnection, by: By) -> list[str]:
    """The groups that customers are in today, in order; a customer may also be in none."""
    rows = await conn.execute(
        text(f"select distinct {by} as name from standings where {LIVE} and {by} is not null")
    )
    return sorted(rows.scalars())


async def customers(conn: AsyncConnection, by: By | None, after: int, limit: int) -> Sequence[Any]:
    """The next customers: key, first_us, their group and their segment; of those of whom nothing
    was decided yet, as after an import, the segment is the profile's."""
    join = f"left join standings s on s.{LIVE} and s.customer_key = l.customer_key"
    rows = await conn.execute(
        text(f"""
            select l.customer_key, l.first_us, {f"s.{by}" if by else "null::text"} as name,
                case when s.customer_key is not null then s.segment else (
                    select told -> 3 ->> 'segment'
                    from states t, json_array_elements(t.profile) told
                    where t.customer_key = l.customer_key and t.{LIVE}
                        and told -> 3 ->> 'segment' is not null limit 1
                ) end as segment
            from ledger_customers l {join} where l.customer_key > :after order by l.customer_key
                limit :limit
        """),
        {"after": after, "limit": limit},
    )
    return rows.all()


async def entries(conn: AsyncConnection, after: int, last: int, before_us: int) -> Sequence[Any]:
    """Entries of the customers with keys beyond `after` and up to `last` before an instant, by key,
    then in order of time."""
    rows = await conn.execute(
        text("""
            select customer_key, occurred_us, kind, value, before, owned, effective, item
                from ledger
            where customer_key > :after and customer_key <= :last and occurred_us < :until
            order by customer_key, occurred_us, partition, sequence
        """),
        {"after": after, "last": last, "until": before_us},
    )
    return rows.all()


async def active(conn: AsyncConnection, after: int, last: int, end_us: int) -> dict[int, int]:
    """By key: how many functions were used within `ACTIVE_US` before an instant.

    A span is as long as that window, so of a span that lies across its border the first or the last
    use tells.
    """
    since_us = end_us - ACTIVE_US
    rows = await conn.execute(
        text("""
            select customer_key, count(distinct function) as functions from ledger_functions
            where customer_key > :after and customer_key <= :last and span between :from and :to
                and last_us >= :since and first_us < :until
            group by customer_key
        """),
        {"after": after, "last": last, "since": since_us, "until": end_us}
        | {"from": since_us // SPAN_US, "to": (end_us - 1) // SPAN_US},
    )
    return {row.customer_key: row.functions for row in rows}
