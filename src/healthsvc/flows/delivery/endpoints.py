"""Webhook endpoints: made, listed, tried out, switched on again, removed; their secrets leave us
once."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from healthsvc.core.actors import Actor
from healthsvc.core.changes.filter import ChangeFilter
from healthsvc.core.instants import to_us
from healthsvc.flows.lists import Listing, Page, Paging
from healthsvc.store.admin import audit
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.database.secrets import Vault, new_signing_secret
from healthsvc.store.delivery import deliveries, outbox
from healthsvc.store.delivery import endpoints as stored
from healthsvc.store.delivery.deliveries import Delivery
from healthsvc.store.delivery.endpoints import Endpoint, EndpointSpec
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.wire.webhooks.deliveries import TEST_SENT

OLD_SECRET_HOLDS: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """A subscriber and, this once, its secret."""

    endpoint: Endpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """An endpoint's new secret; the old one signs, too, until `previous_until`."""

    secret: str = field(repr=False)
    previous_until: datetime


async def create(
    engine: AsyncEngine, now: datetime, vault: Vault, spec: EndpointSpec, *, actor: Actor
) -> NewEndpoint:
    """Add a subscriber to these types of event, none meaning all. The caller has checked URL, types
    and filter."""
    endpoint_id, secret = f"ep_{secrets.token_hex(8)}", new_signing_secret()
    async with engine.begin() as conn:
        sealed = vault.encrypt(secret, endpoint_id)
        endpoint = await stored.create(conn, endpoint_id, spec, secret=sealed, now=now)
        await audit.record(
            conn,
            now,
            actor=actor,
            action="endpoint.created",
            target=endpoint_id,
            detail={"url": spec.url},
        )
    return NewEndpoint(endpoint=endpoint, secret=secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChanges:
    """What is to be changed of a subscriber; None: as it is."""

    url: str | None = None
    event_types: Sequence[str] | None = None
    which: ChangeFilter | None = None
    description: str | None = None
    enabled: bool | None = None

    def detail(self) -> dict[str, object]:
        """What is changed, for the audit log."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        changed = {name: value for name, value in parts.items() if value is not None}
        if self.which is not None:
            changed["filter"] = self.which.as_data()
            del changed["which"]
        return changed


async def change(
    engine: AsyncEngine, now: datetime, endpoint_id: str, changes: EndpointChanges, *, actor: Actor
) -> Endpoint | None:
    """Change a subscriber; None if there is none. What waits goes to the new URL; switched off, it
    gets nothing new, and what waits for it waits. The caller has checked URL, types and filter."""
    async with engine.begin() as conn:
        changed = await stored.update(
            conn,
            endpoint_id,
            url=changes.url,
            description=changes.description,
            event_types=changes.event_types,
            which=changes.which,
        )
        if changed is None:
            return None
        if changes.enabled is True and changed.state == "disabled":
            await stored.enable(conn, endpoint_id)
        if changes.enabled is False:
            await stored.disable(conn, endpoint_id, stored.SWITCHED_OFF)
        await audit.record(
            conn,
            now,
            actor=actor,
            action="endpoint.changed",
            target=endpoint_id,
            detail=changes.detail(),
        )
        return await stored.get(conn, endpoint_id)


async def resend(
    engine: AsyncEngine, now: datetime, endpoint_id: str, delivery_id: int, *, actor: Actor
) -> Literal["resent", "missing", "refused"]:
    """Try a delivery once more, whatever became of it."""
    async with engine.begin() as conn:
        if not await deliveries.exists(conn, endpoint_id, delivery_id):
            return "missing"
        if not await deliveries.resend(conn, endpoint_id, delivery_id):
            return "refused"
        await audit.record(
            conn,
            now,
            actor=actor,
            action="delivery.resent",
            target=endpoint_id,
            detail={"delivery_id": delivery_id},
        )
    return "resent"


async def find(engine: AsyncEngine, endpoint_id: str) -> Endpoint | None:
    """One subscriber."""
    async with engine.connect() as conn:
        return await stored.get(conn, endpoint_id)


async def page(engine: AsyncEngine, paging: Paging) -> Page[Endpoint]:
    """Subscribers, newest first."""
    listing: Listing[Endpoint] = Listing(
        name="endpoints",
        keys=lambda endpoint: (to_us(endpoint.created_at), endpoint.id),
        shape=(int, str),
    )
    async with engine.connect() as conn:
        return await listing.page(paging, lambda place: stored.page(conn, place))


async def deliveries_of(
    engine: AsyncEngine, paging: Paging, endpoint_id: str
) -> Page[Delivery] | None:
    """A subscriber's deliveries, newest first; None if there is no such subscriber."""
    listing: Listing[Delivery] = Listing(
        name="deliveries",
        keys=lambda delivery: (delivery.id,),
        shape=(int,),
        filters={"endpoint_id": endpoint_id},
    )
    async with engine.connect() as conn:
        if await stored.get(conn, endpoint_id) is None:
            return None
        return await listing.page(paging, lambda place: deliveries.page(conn, endpoint_id, place))


async def delete(engine: AsyncEngine, now: datetime, endpoint_id: str, *, actor: Actor) -> bool:
    """Remove a subscriber with all that waits for it; False if there is none."""
    return await _audited(
        engine, now, endpoint_id, "endpoint.deleted", actor, lambda c: stored.delete(c, endpoint_id)
    )


async def enable(engine: AsyncEngine, now: datetime, endpoint_id: str, *, actor: Actor) -> bool:
    """Switch on: what waits for it is sent. False if there is none."""
    return await _audited(
        engine, now, endpoint_id, "endpoint.enabled", actor, lambda c: stored.enable(c, endpoint_id)
    )


async def rotate(
    engine: AsyncEngine, now: datetime, vault: Vault, endpoint_id: str, *, actor: Actor
) -> NewSecret | None:
    """Sign with a new secret, for a day also with the old one; None if there is no such
    subscriber."""
    secret, until = new_signing_secret(), now + OLD_SECRET_HOLDS
    sealed = vault.encrypt(secret, endpoint_id)
    rotated = await _audited(
        engine,
        now,
        endpoint_id,
        "endpoint.secret_rotated",
        actor,
        lambda c: stored.rotate(c, endpoint_id, sealed, until),
    )
    return NewSecret(secret=secret, previous_until=until) if rotated else None


async def test(
    engine: AsyncEngine, now: datetime, endpoint_id: str
) -> str | Literal["missing", "disabled"]:
    """Send a test message to one subscriber, whatever its event types; returns its id, or the
    reason that there is none."""
    data = replace(TEST_SENT.example, endpoint_id=endpoint_id)
    message = OutboxMessage(
        id=f"msg_{secrets.token_hex(16)}",
        type=TEST_SENT.name,
        customer_id=None,
        body=TEST_SENT.body(now, data),
        logged_at=None,
    )
    async with engine.begin() as conn:
        if await outbox.enqueue_to(conn, message, endpoint_id):
            return message.id
        return "missing" if await stored.get(conn, endpoint_id) is None else "disabled"


async def _audited(
    engine: AsyncEngine,
    now: datetime,
    endpoint_id: str,
    action: str,
    actor: Actor,
    act: Callable[[AsyncConnection], Awaitable[bool]],
) -> bool:
    """Act and write it down in one transaction; False, and nothing written, if there was nothing to
    act on."""
    async with engine.begin() as conn:
        if not await act(conn):
            return False
        await audit.record(conn, now, actor=actor, action=action, target=endpoint_id)
    return True
