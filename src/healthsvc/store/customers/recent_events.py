"""A customer's events of the last weeks that bear certain marks, from the archive."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

MOST: Final = 1_000


async def marked(
    conn: AsyncConnection, key: int, marks: Sequence[str], after_us: int, until_us: int
) -> list[str]:
    """Events (JSON) whose text has one of the marks, after one instant and until another, newest
    first, at most `MOST`."""
    rows = await conn.execute(
        text("""
            select event from archive
            where customer_key = :key and occurred_us > :after and occurred_us <= :until
              and event like any(:patterns)
            order by occurred_us desc, sequence desc limit :most
        """),
        {
            "key": key,
            "after": after_us,
            "until": until_us,
            "patterns": [f"%{mark}%" for mark in marks],
            "most": MOST,
        },
    )
    return list(rows.scalars())
