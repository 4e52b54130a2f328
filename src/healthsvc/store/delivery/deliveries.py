"""The outbox: messages, one delivery for each endpoint that subscribes, and the attempts made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest
from healthsvc.store.delivery.outbox import CHANNEL

State = Literal["pending", "delivered", "exhausted", "aborted"]


async def replay(conn: AsyncConnection, delivery_id: int) -> bool:
    """Send a finished delivery once more, under its message's id; False if there is none, or it is
    still pending.

    It goes on counting attempts: one that was exhausted gets a single further try.
    """
    changed = await conn.execute(
        text(
            "update deliveries set state = 'pending', due_at = 'epoch', finished_at = null,"
            " lease_until = null where id = :id and state <> 'pending' returning"
            " pg_notify(:channel, '')"
        ),
        {"id": delivery_id, "channel": CHANNEL},
    )
    return changed.first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One try that was made."""

    attempt: int
    started_at: datetime
    seconds: float
    status: int | None
    outcome: str
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one endpoint, as people see it."""

    id: int
    message_id: str
    type: str
    customer_id: str | None
    state: State
    attempt: int
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    attempts: tuple[DeliveryAttempt, ...]


async def page(conn: AsyncConnection, endpoint_id: str, place: Place) -> list[Delivery]:
    """An endpoint's deliveries with their attempts, newest first; a cursor's key is the delivery's
    id."""
    select = (
        "select d.id, d.message_id, m.type, m.customer_id, d.state, d.attempt, m.created_at,"
        " greatest(d.due_at, m.created_at) as due_at, d.finished_at"
        " from deliveries d join messages m on m.id = d.message_id"
    )
    rows = await newest(conn, select, {"d.id": ":k"}, {"d.endpoint_id = :v": endpoint_id}, place)
    attempts = await _attempts(conn, [row["id"] for row in rows])
    return [Delivery(**row, attempts=tuple(attempts.get(row["id"], ()))) for row in rows]


async def _attempts(
    conn: AsyncConnection, delivery_ids: Sequence[int]
) -> dict[int, list[DeliveryAttempt]]:
    rows = await conn.execute(
        text(
            "select delivery_id, attempt, started_at, seconds, status, outcome, response from"
            " attempts where delivery_id = any(cast(:ids as bigint[])) order by delivery_id,"
            " attempt"
        ),
        {"ids": list(delivery_ids)},
    )
    attempts: dict[int, list[DeliveryAttempt]] = {}
    for row in rows.mappings():
        attempts.setdefault(row["delivery_id"], []).append(
            DeliveryAttempt(**{name: value for name, value in row.items() if name != "delivery_id"})
        )
    return attempts


async def oldest_untried_seconds(conn: AsyncConnection) -> float:
    """Age of the oldest delivery to an enabled endpoint without any attempt; 0 if there is none."""
    rows = await conn.execute(
        text("""
            select coalesce(extract(epoch from clock_timestamp() - min(m.created_at)), 0)
            from endpoints e cross join lateral (
                select message_id from deliveries
                where endpoint_id = e.id and state = 'pending' and due_at = 'epoch'
                    order by due_at, id limit 1
            ) d join messages m on m.id = d.message_id
            where e.state = 'enabled'
            """)
    )
    return float(rows.scalar_one())


async def delete_old(conn: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete up to `limit` messages made before, with deliveries and attempts; answers how many
    went.

    One that an enabled endpoint still waits for stays.
    """
    deleted = await conn.execute(
        text("""
            delete from messages where id in (
                select m.id from messages m
                where m.created_at < :before and not exists (
                    select from deliveries d join endpoints e on e.id = d.endpoint_id
                    where d.message_id = m.id and d.state = 'pending' and e.state = 'enabled'
                )
                order by m.created_at limit :limit for update skip locked
            )
            """),
        {"before": before, "limit": limit},
    )
    return int(deleted.rowcount)


_RESEND: Final = text("""
    update deliveries d set state = 'pending', due_at = 'epoch', finished_at = null
    from endpoints e
    where d.id = :id and d.endpoint_id = :endpoint and e.id = d.endpoint_id
        and e.state = 'enabled' and (d.state <> 'pending' or d.lease_until is null
            or d.lease_until < clock_timestamp())
    returning d.id, pg_notify(:channel, '')
""")


async def resend(conn: AsyncConnection, endpoint_id: str, delivery_id: int) -> bool:
    """Try a delivery once more, at once, whatever became of it; the tries so far count. False:
    there is no such delivery, its endpoint is disabled, or it is being tried now."""
    values = {"id": delivery_id, "endpoint": endpoint_id, "channel": CHANNEL}
    return (await conn.execute(_RESEND, values)).first() is not None


async def exists(conn: AsyncConnection, endpoint_id: str, delivery_id: int) -> bool:
    """Whether the endpoint has such a delivery."""
    found = await conn.execute(
        text("select 1 from deliveries where id = :id and endpoint_id = :endpoint"),
        {"id": delivery_id, "endpoint": endpoint_id},
    )
    return found.first() is not None
