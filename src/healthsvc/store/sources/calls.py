"""The calls that sources received: the newest of each, and the bodies of those to mend."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

KEPT: Final = 500
"""Calls of each source."""
BODIES_FOR_DAYS: Final = 7
PRUNED_EACH: Final = 50
"""Old calls go with each so many new ones."""
_COUNTS: Final = ("accepted", "waiting", "ignored", "rejected")
COLUMNS: Final = (
    "id, source, received_at, outcome, accepted, waiting, ignored, rejected, detail, items,"
    " body is not null as can_be_retried"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCallRow:
    """What became of one call."""

    id: int
    source: str
    received_at: datetime
    outcome: str
    accepted: int
    waiting: int
    ignored: int
    rejected: int
    detail: str | None
    items: list[dict[str, Any]]
    can_be_retried: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTotals:
    """What the kept calls of a source come to."""

    source: str
    calls: int
    last_call_at: datetime
    accepted: int
    waiting: int
    ignored: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call that is written down."""

    source: str
    received_at: datetime
    outcome: str
    counts: Mapping[str, int]
    detail: str | None
    items: Sequence[Mapping[str, object]]
    body: bytes | None


async def add(conn: AsyncConnection, call: NewCall) -> int:
    """Write a call down, and let old ones go."""
    call_id: int = await conn.scalar(
        text("""
            insert into source_calls (source, received_at, outcome, accepted, waiting, ignored,
                                      rejected, detail, items, body)
            values (:source, :received_at, :outcome, :accepted, :waiting, :ignored, :rejected,
                    :detail, cast(:items as jsonb), :body)
            returning id
        """),
        {
            "source": call.source,
            "received_at": call.received_at,
            "outcome": call.outcome,
            **{name: call.counts.get(name, 0) for name in _COUNTS},
            "detail": call.detail,
            "items": json.dumps([dict(item) for item in call.items]).replace("\\u0000", ""),
            "body": call.body,
        },
    )
    if call_id % PRUNED_EACH == 0:
        await _prune(conn, call.source, call.received_at)
    return call_id


async def _prune(conn: AsyncConnection, source: str, now: datetime) -> None:
    await conn.execute(
        text("""
            delete from source_calls where source = :source and id <= (
                select id from source_calls where source = :source
                order by id desc offset :kept limit 1)
        """),
        {"source": source, "kept": KEPT},
    )
    await conn.execute(
        text("""
            update source_calls set body = null where body is not null
            and received_at < cast(:now as timestamptz) - make_interval(days => :days)
        """),
        {"now": now, "days": BODIES_FOR_DAYS},
    )


async def page(conn: AsyncConnection, source: str, place: Place) -> list[SourceCallRow]:
    """Calls of a source, the last one first."""
    where: dict[str, object] = {"source = :v": source}
    rows = await newest(conn, f"select {COLUMNS} from source_calls", {"id": ":k"}, where, place)
    return [SourceCallRow(**row) for row in rows]


async def totals(conn: AsyncConnection) -> dict[str, CallTotals]:
    """What the kept calls come to, by source."""
    rows = await conn.execute(
        text("""
            select source, count(*) as calls, max(received_at) as last_call_at,
                   sum(accepted)::bigint as accepted, sum(waiting)::bigint as waiting,
                   sum(ignored)::bigint as ignored, sum(rejected)::bigint as rejected
            from source_calls group by source
        """)
    )
    return {row["source"]: CallTotals(**row) for row in rows.mappings()}


async def bodies(conn: AsyncConnection, source: str, limit: int) -> list[tuple[int, bytes]]:
    """The oldest calls that can be tried again."""
    rows = await conn.execute(
        text("""
            select id, body from source_calls where source = :source and body is not null
            order by id limit :limit
        """),
        {"source": source, "limit": limit},
    )
    return [(row.id, row.body) for row in rows]


async def forget_bodies(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """These calls were tried again."""
    await conn.execute(
        text("update source_calls set body = null where id = any(cast(:ids as bigint[]))"),
        {"ids": list(ids)},
    )
