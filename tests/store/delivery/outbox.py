"""Makers of endpoints and messages, and a look at what became of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import Vault, new_signing_secret
from healthsvc.store.delivery import endpoints, outbox
from healthsvc.store.delivery.endpoints import Endpoint, EndpointSpec
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.wire.webhooks.bodies import body

VAULT = Vault(b"a test's secret of 32 bytes.....")
SECRET = new_signing_secret()
START_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

_numbers = count(1)


async def make_endpoint(
    engine: AsyncEngine,
    url: str = "http://127.0.0.1:9/hook",
    *,
    types: Sequence[str] = (),
    secret: str = SECRET,
) -> Endpoint:
    endpoint_id = f"ep_{next(_numbers):06}"
    async with engine.begin() as conn:
        return await endpoints.create(
            conn,
            endpoint_id,
            EndpointSpec(url=url, event_types=types),
            secret=VAULT.encrypt(secret, endpoint_id),
            now=START_AT,
        )


def make_message(
    type: str = "alert.raised",
    *,
    id: str | None = None,
    logged_at: datetime | None = None,
    not_to: tuple[str, ...] = (),
) -> OutboxMessage:
    number = next(_numbers)
    return OutboxMessage(
        id=id or f"msg_{number:06}",
        type=type,
        customer_id="acme",
        body=body(type, START_AT, {"sequence": number}),
        logged_at=logged_at,
        not_to=not_to,
    )


async def enqueue(engine: AsyncEngine, *messages: OutboxMessage) -> int:
    async with engine.begin() as conn:
        return await outbox.enqueue(conn, messages)


async def rows(engine: AsyncEngine, sql: str, **values: object) -> list[dict[str, object]]:
    async with engine.begin() as conn:
        return [dict(row) for row in (await conn.execute(text(sql), values)).mappings()]


async def states(engine: AsyncEngine, endpoint_id: str) -> list[str]:
    """The states of an endpoint's deliveries, in order."""
    found = await rows(
        engine, "select state from deliveries where endpoint_id = :id order by id", id=endpoint_id
    )
    return [str(row["state"]) for row in found]
