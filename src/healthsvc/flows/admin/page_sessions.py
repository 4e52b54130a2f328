"""Sessions of people who look at the pages: opened with an API key, ended by signing out, by time
or with the key."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from healthsvc.store.admin import page_sessions as stored
from healthsvc.store.admin.page_sessions import PageSession
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import SealError, Vault

LASTS: Final = timedelta(hours=12)
OWNER: Final = "page session "


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session that a cookie opens, and the API key behind it."""

    token: str = field(repr=False)
    key: str = field(repr=False)
    key_id: str

    @property
    def form_token(self) -> str:
        """What a form of this session carries: other sites can't know it."""
        return hashlib.sha256(b"form " + self.token.encode()).hexdigest()


async def open_session(
    engine: AsyncEngine, vault: Vault, now: datetime, *, key: str, key_id: str
) -> str:
    """Open a session for the holder of a key; return the token for the cookie."""
    token = secrets.token_urlsafe(32)
    digest = _digest(token)
    session = PageSession(
        digest=digest,
        key_id=key_id,
        sealed_key=vault.encrypt(key, OWNER + digest.hex()),
        created_at=now,
        expires_at=now + LASTS,
    )
    async with engine.begin() as conn:
        await stored.delete_expired(conn, now)
        await stored.insert(conn, session)
    return token


async def current_session(
    engine: AsyncEngine, vault: Vault, now: datetime, token: str
) -> OpenSession | None:
    """Return the session of a cookie; None: there is none, or it has ended."""
    digest = _digest(token)
    async with engine.connect() as conn:
        session = await stored.current(conn, digest, now)
    if session is None:
        return None
    try:
        key = vault.decrypt(session.sealed_key, OWNER + digest.hex())
    except SealError:
        return None  # the service secret was changed
    return OpenSession(token=token, key=key, key_id=session.key_id)


async def close_session(engine: AsyncEngine, session: OpenSession, *, everywhere: bool) -> None:
    """End a session, or all sessions of its key."""
    async with engine.begin() as conn:
        if everywhere:
            await stored.delete_of_key(conn, session.key_id)
        else:
            await stored.delete(conn, _digest(session.token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
