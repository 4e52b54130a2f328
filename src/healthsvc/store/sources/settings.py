"""How sources are set: what differs from the built-in ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSource:
    """One source as somebody set it."""

    name: str
    mapping: str | None
    mode: str
    secrets: Sequence[bytes]
    called_url: str | None


async def read(conn: AsyncConnection) -> list[StoredSource]:
    """All sources that somebody set, by name."""
    rows = await conn.execute(
        text("select name, mapping, mode, secrets, called_url from sources order by name")
    )
    return [StoredSource(**row) for row in rows.mappings()]


async def write(conn: AsyncConnection, source: StoredSource, now: datetime) -> None:
    """Set a source anew."""
    await conn.execute(
        text("""
            insert into sources (name, mapping, mode, secrets, called_url, changed_at)
            values (:name, :mapping, :mode, cast(:secrets as bytea[]), :called_url, :now)
            on conflict (name) do update
            set mapping = excluded.mapping, mode = excluded.mode, secrets = excluded.secrets,
                called_url = excluded.called_url, changed_at = excluded.changed_at
        """),
        {
            "name": source.name,
            "mapping": source.mapping,
            "mode": source.mode,
            "secrets": list(source.secrets),
            "called_url": source.called_url,
            "now": now,
        },
    )
