"""Dead letters: records that weren't events, kept with their bytes and the reason until they are
replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

COLUMNS = (
    "id, origin, topic, partition, position, raw, raw_bytes, headers, reason, errors, created_at,"
    " replayed_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One record that was set aside."""

    id: int
    origin: str
    topic: str | None
    partition: int
    position: int
    raw: bytes | None
    raw_bytes: int
    headers: dict[str, Any]
    reason: str
    errors: list[dict[str, str]]
    created_at: datetime
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterQuery:
    """Which dead letters; None: whichever."""

    reason: str | None = None
    replayed: bool | None = None


async def get(conn: AsyncConnection, letter_id: int) -> DeadLetter | None:
    """One dead letter."""
    rows = await conn.execute(
        text(f"select {COLUMNS} from dead_letters where id = :id"), {"id": letter_id}
    )
    row = rows.mappings().first()
    return None if row is None else _letter(row)


async def page(conn: AsyncConnection, which: DeadLetterQuery, place: Place) -> list[DeadLetter]:
    """Dead letters, the last one first."""
    where: dict[str, object] = {
        "reason = :v": which.reason,
        "(replayed_at is not null) = :v": which.replayed,
    }
    rows = await newest(conn, f"select {COLUMNS} from dead_letters", {"id": ":k"}, where, place)
    return [_letter(row) for row in rows]


async def lock(conn: AsyncConnection, ids: Sequence[int]) -> list[DeadLetter]:
    """Those of `ids` that exist, by id, locked until the transaction's end."""
    rows = await conn.execute(
        text(
            f"select {COLUMNS} from dead_letters where id = any(cast(:ids as bigint[])) order by id"
            " for update"
        ),
        {"ids": list(ids)},
    )
    return [_letter(row) for row in rows.mappings()]


async def waiting(
    conn: AsyncConnection, reason: str | None, ids: Sequence[int] | None, after: int, limit: int
) -> list[int]:
    """Ids above `after` of letters that can be replayed, ascending: with this reason, among `ids`,
    or both."""
    rows = await conn.execute(
        text(
            "select id from dead_letters where replayed_at is null and raw is not null and id >"
            " :after and reason = coalesce(cast(:reason as text), reason) and id ="
            " any(coalesce(cast(:ids as bigint[]), array[id])) order by id limit :limit"
        ),
        {
            "reason": reason,
            "ids": None if ids is None else list(ids),
            "after": after,
            "limit": limit,
        },
    )
    return list(rows.scalars())


async def mark_replayed(conn: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """These letters are in the log now."""
    await conn.execute(
        text("update dead_letters set replayed_at = :now where id = any(cast(:ids as bigint[]))"),
        {"ids": list(ids), "now": now},
    )


def _letter(row: RowMapping) -> DeadLetter:
    return DeadLetter(**row)
