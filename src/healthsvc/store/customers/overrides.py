"""Overrides that were set, read from the archive for the customers that ever had one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from healthsvc.core.events import OVERRIDE_SET
from healthsvc.core.folding.archived import event_of
from healthsvc.core.instants import from_us
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOverride:
    customer_key: int
    author: str
    score: float
    replaces: float | None
    set_at: datetime


async def customers(conn: AsyncConnection, projection: int) -> list[int]:
    """Keys of the customers that have, or once had, an override."""
    rows = await conn.execute(
        text("""
            select customer_key from states where projection = :id
                and profile::text like '%"override":%'
              and jsonb_path_exists(profile::jsonb, '$[*][3].override')
        """),
        {"id": projection},
    )
    return list(rows.scalars())


async def every(conn: AsyncConnection, keys: Sequence[int]) -> list[SetOverride]:
    """All overrides of these customers that the archive has, in no order."""
    rows = await conn.execute(
        text("""
            select customer_key, occurred_us, event from archive
            where customer_key = any(:keys) and event like '%override.set%'
        """),
        {"keys": list(keys)},
    )
    return [
        override
        for r in rows
        if (override := _set(r.customer_key, r.occurred_us, r.event)) is not None
    ]


def _set(customer_key: int, occurred_us: int, event: str) -> SetOverride | None:
    event_data = event_of(event)
    if event_data.get("type") != OVERRIDE_SET.name:
        return None
    data = event_data["data"]
    return SetOverride(
        customer_key=customer_key,
        author=data["author"],
        score=float(data["score"]),
        replaces=data.get("replaces"),
        set_at=from_us(occurred_us),
    )
