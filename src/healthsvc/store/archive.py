"""The archive of counted events: one table a day of logging, filled by COPY, dropped whole when its time is over."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import text

from healthsvc.store.engine import AsyncConnection, raw

_ESCAPED: Final = ((b"\\", b"\\\\"), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))


def lines(
    logged_on: date,
    keys: Sequence[int],
    occurred_us: Sequence[int],
    partitions: Sequence[int],
    sequences: Sequence[int],
    events: Sequence[bytes],
) -> bytes:
    """Events in COPY's text form; each sequence has one entry an event, `events` are JSON."""
    together = b"".join(events)
    for plain, escaped in _ESCAPED:
        if plain in together:
            events = [event.replace(plain, escaped) for event in events]
    form = b"%b\t%%d\t%%d\t%%d\t%%d\t%%b\n" % logged_on.isoformat().encode()
    return b"".join([form % row for row in zip(keys, occurred_us, partitions, sequences, events, strict=True)])


async def ensure_days(conn: AsyncConnection, first: date, days: int) -> None:
    """Make the tables of so many days exist."""
    await conn.execute(text("select pg_advisory_xact_lock(hashtext('healthsvc_archive'))"))
    for day in (first + timedelta(days=n) for n in range(days)):
        if await conn.scalar(text("select to_regclass(:name)"), {"name": f"archive_{day:%Y%m%d}"}) is not None:
            continue
        await conn.execute(
            text(
                f"create table if not exists archive_{day:%Y%m%d} partition of archive"
                f" for values from ('{day}') to ('{day + timedelta(days=1)}')"
            )
        )


async def copy(conn: AsyncConnection, blocks: Sequence[bytes]) -> None:
    """Add blocks made by `lines`. A transaction must have begun."""
    driver = await raw(conn)

    async def source() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block

    await driver.copy_to_table(
        "archive",
        source=source(),
        columns=("logged_on", "customer_key", "occurred_us", "partition", "sequence", "event"),
        format="text",
    )


async def drop_before(conn: AsyncConnection, first_kept: date) -> list[str]:
    """Drop the tables of the days before; returns their names."""
    rows = await conn.execute(
        text("select inhrelid::regclass::text as name from pg_inherits where inhparent = 'archive'::regclass")
    )
    old = [name for name in rows.scalars() if name.removeprefix("archive_") < f"{first_kept:%Y%m%d}"]
    for name in old:
        await conn.execute(text(f"drop table if exists {name}"))
    return old


async def at_instants(conn: AsyncConnection, key: int, occurred_us: list[int]) -> list[str]:
    """A customer's events of these instants."""
    rows = await conn.execute(
        text("select event from archive where customer_key = :key and occurred_us = any(:instants) limit 1000"),
        {"key": key, "instants": occurred_us},
    )
    return list(rows.scalars())
