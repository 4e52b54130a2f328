"""Reading the customers' rows into PostgreSQL's memory in one go, by its extension pg_prewarm."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

SHARE: Final = 0.9
"""Of PostgreSQL's shared memory; the rest is for what is written meanwhile. A table that doesn't
fit isn't begun: its first pages would make room for its last."""
BLOCKS_AT_ONCE: Final = 8192
"""64 MiB of the usual 8 kB, so that whoever wants to stop needn't wait long."""
_LOCK: Final = "healthsvc_warming"
_TABLES: Final = ("customers", "states", "standings", "timers")

_WORTH_READING = text("""
    select c.oid::regclass::text as name,
        pg_relation_size(c.oid) / current_setting('block_size')::int as blocks
    from pg_class c left join pg_index i on i.indexrelid = c.oid
    where c.relkind in ('r', 'i') and coalesce(i.indrelid,
        c.oid) = any(cast(:tables as text[])::regclass[])
    order by c.relkind, pg_relation_size(c.oid)
""")
_ROOM = text("select setting::bigint from pg_settings where name = 'shared_buffers'")
_READ = text("select pg_prewarm(cast(:name as regclass), 'buffer', 'main', :first, :last)")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or an index, and how many blocks it has."""

    name: str
    blocks: int


async def claim(conn: AsyncConnection) -> bool:
    """Whether this connection is to read: no other one is at it. Holds until `release`."""
    return bool(
        await conn.scalar(text("select pg_try_advisory_lock(hashtext(:lock))"), {"lock": _LOCK})
    )


async def release(conn: AsyncConnection) -> None:
    await conn.execute(text("select pg_advisory_unlock(hashtext(:lock))"), {"lock": _LOCK})


async def is_possible(conn: AsyncConnection) -> bool:
    """Whether the extension is there."""
    return bool(
        await conn.scalar(
            text("select exists (select from pg_extension where extname = 'pg_prewarm')")
        )
    )


async def worth_reading(conn: AsyncConnection, share: float = SHARE) -> list[Relation]:
    """What fits into the share of PostgreSQL's memory: indexes first, small before large."""
    room = int(share * int(await conn.scalar(_ROOM) or 0))
    fitting: list[Relation] = []
    for row in await conn.execute(_WORTH_READING, {"tables": list(_TABLES)}):
        if row.blocks and row.blocks <= room:
            fitting.append(Relation(row.name, row.blocks))
            room -= row.blocks
    return fitting


async def read(conn: AsyncConnection, relation: Relation, first: int) -> int:
    """Read some blocks from `first` on; answers how many."""
    last = min(relation.blocks, first + BLOCKS_AT_ONCE) - 1
    return int(await conn.scalar(_READ, {"name": relation.name, "first": first, "last": last}) or 0)
