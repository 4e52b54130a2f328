"""Changes, written: numbered by customer, then appended without gaps in the order of commits.

Numbers come first, since bodies of webhooks name them; they lock the customers' rows of
`change_sequences`, in order, to the commit. The append locks its partitions' rows of
`change_heads`, in order, with (almost) the last statement. So of one customer, numbers and
positions follow the same order; and a position exists only after all lower ones are committed.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

CHANNEL: Final = "healthsvc_changes"
SERVICE_KEY: Final = 0
"""In place of a customer, where a change is about none."""


class NewChange(NamedTuple):
    """A change to be recorded."""

    type: str
    customer_key: int
    customer_id: str | None
    partition: int
    at: datetime
    facts: str
    logged_at: datetime | None = None
    """When the event behind it entered the log."""
    last_sequence: int = 0
    """The number of the customer's last message before changes were numbered here: theirs go on
    from it."""


class NumberedChange(NamedTuple):
    """A change with its number among those of its customer."""

    change: NewChange
    sequence: int


_NUMBER: Final = text("""
    insert into change_sequences as s (customer_key, sequence, added)
    select key, last + added, added
    from unnest(cast(:keys as bigint[]), cast(:last as bigint[]), cast(:added as integer[]))
        as g(key, last, added)
    order by key
    on conflict (customer_key) do update
        set sequence = s.sequence + excluded.added, added = excluded.added
    returning customer_key, sequence - added as before
""")


async def number(conn: AsyncConnection, changes: Sequence[NewChange]) -> list[NumberedChange]:
    """Number the changes of each customer, in the order given."""
    if not changes:
        return []
    added = Counter(change.customer_key for change in changes)
    last = {change.customer_key: change.last_sequence for change in changes}
    keys = list(added)
    rows = await conn.execute(
        _NUMBER,
        {"keys": keys, "last": [last[key] for key in keys], "added": list(added.values())},
    )
    sequence: dict[int, int] = {row.customer_key: row.before for row in rows}
    numbered = []
    for change in changes:
        sequence[change.customer_key] += 1
        numbered.append(NumberedChange(change, sequence[change.customer_key]))
    return numbered


_APPEND: Final = text("""
    with given as materialized (
        select * from unnest(
            cast(:partitions as integer[]), cast(:keys as bigint[]), cast(:sequences as bigint[]),
            cast(:types as text[]), cast(:at as timestamptz[]), cast(:facts as text[])
        ) with ordinality as g(partition, customer_key, sequence, type, at, facts, place)
    ), heads as (
        insert into change_heads as h (partition, head)
        select partition, count(*) from given group by partition order by partition
        on conflict (partition) do update set head = h.head + excluded.head
        returning partition, head
    ), added as (
        insert into changes (partition, position, customer_key, sequence, type, at, facts)
        select g.partition,
            h.head - count(*) over (partition by g.partition)
                + row_number() over (partition by g.partition order by g.place) - 1,
            g.customer_key, g.sequence, g.type, g.at, g.facts
        from given g join heads h using (partition)
    )
    select pg_notify(:channel, '')
""")


async def append(conn: AsyncConnection, changes: Sequence[NumberedChange]) -> None:
    """Append the changes; as near to the commit as can be, since others that append to the same
    partitions wait from here on."""
    if not changes:
        return
    columns = zip(*[_columns(each) for each in changes], strict=True)
    names = ("partitions", "keys", "sequences", "types", "at", "facts")
    parameters = {name: list(values) for name, values in zip(names, columns, strict=True)}
    await conn.execute(_APPEND, {**parameters, "channel": CHANNEL})


def _columns(numbered: NumberedChange) -> tuple[object, ...]:
    change = numbered.change
    key, sequence = change.customer_key, numbered.sequence
    return change.partition, key, sequence, change.type, change.at, change.facts
