"""The archive of counted events: one table a day of logging, filled by COPY, dropped whole when its
time is over."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from healthsvc.store.database import copying
from healthsvc.store.database.copying import Block, begin, blocks, fixed, pieces
from healthsvc.store.database.engine import AsyncConnection

COLUMNS: Final = ("customer_key", "occurred_us", "partition", "sequence", "event")


def rows(
    keys: NDArray[np.int64],
    occurred_us: NDArray[np.int64],
    partitions: NDArray[np.int32],
    sequences: NDArray[np.int64],
    events: Sequence[bytes],
) -> Iterator[bytes]:
    """Counted events encoded for COPY, piece by piece; an entry an event in each; events: as JSON.

    They are put customer by customer, so that the index is written leaf by leaf.
    """
    order = np.argsort(keys, kind="stable")
    widths = np.fromiter(map(len, events), np.int64, len(events))
    head = fixed(
        len(keys), keys, occurred_us, partitions, sequences, lead=begin(len(COLUMNS)), then=widths
    )
    return blocks(pieces(head[order]), [events[i] for i in order.tolist()])


async def ensure_days(conn: AsyncConnection, first: date, days: int) -> None:
    """Make the tables of so many days exist."""
    await conn.execute(text("select pg_advisory_xact_lock(hashtext('healthsvc_archive'))"))
    for day in (first + timedelta(days=n) for n in range(days)):
        if await conn.scalar(text("select to_regclass(:name)"), {"name": _table(day)}) is not None:
            continue
        await conn.execute(
            text(
                f"create table if not exists {_table(day)} partition of archive (logged_on default"
                f" '{day}') for values from ('{day}') to ('{day + timedelta(days=1)}')"
            )
        )


async def copy(conn: AsyncConnection, days: Mapping[date, Block]) -> None:
    """Add what `rows` made, each day into its own table. A transaction must have begun."""
    for day, content in days.items():
        await copying.copy(conn, _table(day), COLUMNS, content)


def _table(day: date) -> str:
    return f"archive_{day:%Y%m%d}"


async def drop_before(conn: AsyncConnection, first_kept: date) -> list[str]:
    """Drop the tables of the days before; returns their names."""
    rows = await conn.execute(
        text(
            "select inhrelid::regclass::text as name from pg_inherits where inhparent ="
            " 'archive'::regclass"
        )
    )
    old = [
        name for name in rows.scalars() if name.removeprefix("archive_") < f"{first_kept:%Y%m%d}"
    ]
    for name in old:
        await conn.execute(text(f"drop table if exists {name}"))
    return old


async def at_instants(
    conn: AsyncConnection, instants: Mapping[int, Sequence[int]]
) -> dict[int, list[str]]:
    """By customer key, its events of these instants."""
    keys = [key for key, occurred_us in instants.items() for _ in occurred_us]
    events: dict[int, list[str]] = {key: [] for key in instants}
    if not keys:
        return events
    rows = await conn.execute(
        text("""
            select w.key, e.event from unnest(
                cast(:keys as bigint[]), cast(:instants as bigint[])
            ) as w(key, us)
            cross join lateral (
                select a.event from archive a where a.customer_key = w.key and a.occurred_us = w.us
                limit 1000
            ) e
        """),
        {"keys": keys, "instants": [us for at in instants.values() for us in at]},
    )
    for key, event in rows:
        events[key].append(event)
    return events
