"""Setting records aside: what couldn't be decoded becomes a dead letter, in the flush that moves past it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeadLetter:
    """A record to be set aside; `headers` and `errors` are JSON."""

    origin: str
    topic: str
    partition: int
    position: int
    raw: bytes | None
    raw_bytes: int
    headers: str
    reason: str
    errors: str
    customer_id: str | None = None
    """Whose event it was, where that could be read."""


async def set_aside(conn: AsyncConnection, letters: Sequence[NewDeadLetter]) -> None:
    """Keep records; one that is kept already isn't kept twice."""
    fields = (
        "origin",
        "topic",
        "partition",
        "position",
        "raw",
        "raw_bytes",
        "headers",
        "reason",
        "errors",
        "customer_id",
    )
    types = ("text", "text", "integer", "bigint", "bytea", "integer", "text", "text", "text", "text")
    arrays = ", ".join(f"cast(:{name} as {kind}[])" for name, kind in zip(fields, types, strict=True))
    await conn.execute(
        text(f"""
            insert into dead_letters
                (origin, topic, partition, position, raw, raw_bytes, headers, reason, errors, customer_id)
            select origin, topic, partition, position, raw, raw_bytes, headers::jsonb, reason, errors::jsonb,
                customer_id
            from unnest({arrays}) d({", ".join(fields)})
            on conflict (origin, topic, partition, position) do nothing
        """),
        {name: [getattr(letter, name) for letter in letters] for name in fields},
    )
