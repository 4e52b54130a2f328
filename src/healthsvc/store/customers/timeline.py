"""A customer's events from the archive."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping

from healthsvc.core.folding.archived import event_of
from healthsvc.core.instants import from_us
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

SELECT = "select occurred_us, sequence, logged_on, event from archive"
ORDER = {"occurred_us": ":k", "sequence": ":k"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedEvent:
    """An event as it was received, but for what `core.folding.archived` gives as text.

    `sequence` is its place in the order in which its partition was folded.
    """

    occurred_us: int
    sequence: int
    logged_on: date
    event: dict[str, Any]

    @property
    def occurred_at(self) -> datetime:
        return from_us(self.occurred_us)


async def page(
    conn: AsyncConnection, customer_key: int, event_type: str | None, place: Place
) -> list[ArchivedEvent]:
    """What happened with one customer, newest first."""
    where: dict[str, object] = {
        "customer_key = :v": customer_key,
        "event::json ->> 'type' = :v": event_type,
    }
    return [_archived(row) for row in await newest(conn, SELECT, ORDER, where, place)]


def _archived(row: RowMapping) -> ArchivedEvent:
    return ArchivedEvent(**{**row, "event": event_of(row["event"])})
