"""Records changes: numbers them, enqueues the webhooks that somebody subscribed to, appends them to
the feed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from healthsvc.core.changes.position import SERVICE
from healthsvc.store.changes import change_log
from healthsvc.store.changes.change_log import SERVICE_KEY, NewChange, NumberedChange
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.delivery import outbox, subscriptions
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.store.delivery.subscriptions import Subscriptions
from healthsvc.telemetry import CHANGES
from healthsvc.wire.webhooks import changes as bodies
from healthsvc.wire.webhooks.changes import ChangeFacts
from healthsvc.wire.webhooks.webhook_type import WebhookType


async def record(conn: AsyncConnection, changes: Sequence[NewChange]) -> None:
    """Record changes in the caller's transaction, as its last statement."""
    await append(conn, await announce(conn, changes))


async def announce(conn: AsyncConnection, changes: Sequence[NewChange]) -> list[NumberedChange]:
    """Number the changes and enqueue the webhooks about them; `append` must follow, at the end of
    the transaction. Rendered is only what an endpoint subscribes to."""
    numbered = await change_log.number(conn, changes)
    if numbered:
        subscribed = await subscriptions.read(conn)
        drafts = [
            _message(each, subscribed) for each in numbered if subscribed.want(each.change.type)
        ]
        messages = [message for message in drafts if message is not None]
        await outbox.enqueue(conn, messages, among=subscribed.endpoint_ids)
    return numbered


async def append(conn: AsyncConnection, numbered: Sequence[NumberedChange]) -> None:
    """Append announced changes to the feed."""
    await change_log.append(conn, numbered)
    for each in numbered:
        CHANGES.labels(each.change.type).inc()


def service_change(type: WebhookType[Any], at: datetime, data: Any) -> NewChange:
    """A change that is about no customer; data: an instance of the type's dataclass."""
    return NewChange(
        type=type.name,
        customer_key=SERVICE_KEY,
        customer_id=None,
        partition=SERVICE,
        at=at,
        facts=bodies.encode_facts(data),
    )


def _message(numbered: NumberedChange, subscribed: Subscriptions) -> OutboxMessage | None:
    """None: every endpoint's filter leaves it out."""
    change, sequence = numbered.change, numbered.sequence
    facts = ChangeFacts(
        type=change.type,
        customer_key=change.customer_key,
        customer_id=change.customer_id,
        sequence=sequence,
        at=change.at,
        facts=change.facts,
    )
    data, customer = bodies.decode(facts)
    if not subscribed.wanting(change.type, customer):
        return None
    return OutboxMessage(
        id=bodies.change_id(change.customer_key, sequence),
        type=change.type,
        customer_id=change.customer_id,
        body=bodies.body(facts, data),
        logged_at=change.logged_at,
        not_to=subscribed.refusing(change.type, customer),
    )
