"""API keys: made, ended, and recognised when they come with a request."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from healthsvc.core.actors import Actor
from healthsvc.store.admin import audit
from healthsvc.store.admin import keys as stored
from healthsvc.store.admin.keys import Key
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import derive
from healthsvc.wire import api_keys

PURPOSE = "api keys"
USE_NOTED_EACH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key and, this once, the text that opens."""

    key: Key
    text: str


def pepper_of(service_secret: bytes) -> bytes:
    """What API keys are hashed with."""
    return derive(service_secret, PURPOSE)


async def create(
    engine: AsyncEngine,
    now: datetime,
    *,
    pepper: bytes,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    actor: Actor,
) -> NewKey:
    """Make a key. Scopes are kept once each, in the order of the list of all scopes."""
    opener = api_keys.make(secrets.choice)
    key = Key(
        id=f"key_{secrets.token_hex(8)}",
        name=name,
        prefix=api_keys.shortened(opener),
        scopes=tuple(scope for scope in api_keys.SCOPES if scope in scopes),
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
    )
    async with engine.begin() as conn:
        await stored.insert(conn, key, digest(opener, pepper))
        await audit.record(
            conn,
            now,
            actor=actor,
            action="key.created",
            target=key.id,
            detail={"name": name, "scopes": key.scopes},
        )
    return NewKey(key=key, text=opener)


async def revoke(engine: AsyncEngine, now: datetime, key_id: str, *, actor: Actor) -> bool:
    """End a key; one that had ended stays so. False if there is none. Other processes may know it
    for some seconds."""
    async with engine.begin() as conn:
        if await stored.revoke(conn, key_id, now):
            await audit.record(conn, now, actor=actor, action="key.revoked", target=key_id)
            return True
        return await stored.get(conn, key_id) is not None


async def recognise(engine: AsyncEngine, now: datetime, opener: str, pepper: bytes) -> Key | None:
    """The key that `opener` is, if it holds now; notes its use at most once a minute."""
    if not api_keys.well_formed(opener):
        return None
    async with engine.begin() as conn:
        key = await stored.by_digest(conn, digest(opener, pepper))
        if key is None or not key.holds(now):
            return None
        if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EACH:
            await stored.mark_used(conn, key.id, now)
    return key


def digest(opener: str, pepper: bytes) -> bytes:
    """What is stored in place of a key: without the pepper, a stolen table can't be searched for
    it."""
    return hmac.new(pepper, opener.encode(), hashlib.sha256).digest()
