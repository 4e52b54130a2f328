"""What the owner decided, written in its flush: standings, history, alerts."""

from sqlalchemy import text

from healthsvc.store.database.copying import (
    Block,
    by_index,
    copy,
)
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing.decision_rows import HISTORY, MOVED, STANDINGS

_STANDINGS_TABLE = text(
    "create temporary table if not exists incoming_standings (like standings) on commit delete rows"
)
_STANDINGS_MERGE = text(f"""
    insert into standings ({", ".join(STANDINGS)}) select {", ".join(STANDINGS)}
        from incoming_standings
    on conflict (projection, customer_key) do update
        set {", ".join(f"{c} = excluded.{c}" for c in STANDINGS[2:])},
            changed = pg_current_xact_id()
""")


_MOVED_TABLE = text(f"""
    create temporary table if not exists incoming_moved on commit delete rows as
    select {", ".join(MOVED)} from standings limit 0
""")
_MOVED_MERGE = text(f"""
    update standings s
        set {", ".join(f"{c} = i.{c}" for c in MOVED[2:])}, changed = pg_current_xact_id()
        from incoming_moved i
    where s.projection = i.projection and s.customer_key = i.customer_key
""")


async def write_standings(conn: AsyncConnection, rows: Block, moves: Block) -> None:
    """Write what `standings_rows` and `moved_rows` encoded. A transaction must have begun."""
    if rows:
        await conn.execute(_STANDINGS_TABLE)
        await copy(conn, "incoming_standings", STANDINGS, rows)
        await conn.execute(_STANDINGS_MERGE)
    if moves:
        await conn.execute(_MOVED_TABLE)
        await copy(conn, "incoming_moved", MOVED, moves)
        await by_index(conn)
        await conn.execute(_MOVED_MERGE)


async def write_history(conn: AsyncConnection, rows: Block) -> None:
    """Write what `history_rows` encoded. A transaction must have begun."""
    if rows:
        await copy(conn, "history", HISTORY, rows)
