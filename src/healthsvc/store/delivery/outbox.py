"""The outbox: messages, and one delivery for each subscriber that wants them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

CHANNEL: Final = "healthsvc_deliveries"


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A webhook to be; `logged_at`: when the event behind it entered the log; `not_to`: endpoints
    left out."""

    id: str
    type: str
    customer_id: str | None
    body: str
    logged_at: datetime | None
    not_to: tuple[str, ...] = ()


_ENQUEUE: Final = text("""
    with given as materialized (
        select * from unnest(
            cast(:ids as text[]), cast(:types as text[]), cast(:customers as text[]),
                cast(:bodies as text[]),
            cast(:logged as timestamptz[]), cast(:not_to as text[])
        ) as g (id, type, customer_id, body, logged_at, not_to)
    ), kept as (
        insert into messages (id, type, customer_id, body, logged_at)
        select id, type, customer_id, body, logged_at from given on conflict (id) do nothing
        returning id
    ), wanting as materialized (
        select id, event_types from endpoints where state = 'enabled'
            and (cast(:among as text[]) is null or id = any(cast(:among as text[])))
        order by id for key share
    ), made as (
        insert into deliveries (message_id, endpoint_id)
        select g.id, w.id from kept k join given g on g.id = k.id join wanting w
            on (cardinality(w.event_types) = 0 or g.type = any(w.event_types))
            and w.id <> all(string_to_array(g.not_to, ','))
        returning 1
    )
    select count(*), case when count(*) > 0 then pg_notify(:channel, '') end from made
""")


async def enqueue(
    conn: AsyncConnection, messages: Sequence[OutboxMessage], among: Sequence[str] | None = None
) -> int:
    """Store the messages, fan them out to the enabled endpoints that subscribe to their types, and
    wake the deliverers.

    One round trip whatever the number. A message whose id is there already is left alone, so doing
    it twice does no harm. The endpoints' rows are locked against deletion until commit: one that
    goes meanwhile can't fail the caller. among: only
    these endpoints, whose filters were read before; None: all. Answers the number of deliveries
    made.
    """
    if not messages:
        return 0
    inserted = await conn.execute(
        _ENQUEUE,
        {
            "ids": [message.id for message in messages],
            "types": [message.type for message in messages],
            "customers": [message.customer_id for message in messages],
            "bodies": [message.body for message in messages],
            "logged": [message.logged_at for message in messages],
            "not_to": [",".join(message.not_to) for message in messages],
            "among": None if among is None else list(among),
            "channel": CHANNEL,
        },
    )
    return int(inserted.one()[0])


_ENQUEUE_TO: Final = text("""
    with wanting as materialized (
        select id from endpoints where id = :endpoint and state = 'enabled' for key share
    ), kept as (
        insert into messages (id, type, customer_id, body, logged_at)
        select :id, :type, :customer, :body, cast(:logged as timestamptz) from wanting returning id
    ), made as (
        insert into deliveries (message_id, endpoint_id) select k.id, w.id from kept k cross
            join wanting w
        returning 1
    )
    select pg_notify(:channel, '') from made
""")


async def enqueue_to(conn: AsyncConnection, message: OutboxMessage, endpoint_id: str) -> bool:
    """Store a message for one endpoint alone, whatever its event types; False if there is no such
    enabled endpoint."""
    inserted = await conn.execute(
        _ENQUEUE_TO,
        {
            "endpoint": endpoint_id,
            "id": message.id,
            "type": message.type,
            "customer": message.customer_id,
            "body": message.body,
            "logged": message.logged_at,
            "channel": CHANNEL,
        },
    )
    return inserted.first() is not None
