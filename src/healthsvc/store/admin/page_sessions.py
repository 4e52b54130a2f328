"""Sessions of people who look at the pages, by the digest of their cookie."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSession:
    """A session that was opened with an API key."""

    digest: bytes
    key_id: str
    sealed_key: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime


async def insert(conn: AsyncConnection, session: PageSession) -> None:
    """Insert a session."""
    await conn.execute(
        text(
            "insert into page_sessions (digest, key_id, sealed_key, created_at, expires_at)"
            " values (:digest, :key_id, :sealed_key, :created_at, :expires_at)"
        ),
        {
            "digest": session.digest,
            "key_id": session.key_id,
            "sealed_key": session.sealed_key,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        },
    )


async def current(conn: AsyncConnection, digest: bytes, now: datetime) -> PageSession | None:
    """Return the session with this digest that hasn't expired."""
    rows = await conn.execute(
        text(
            "select digest, key_id, sealed_key, created_at, expires_at from page_sessions"
            " where digest = :digest and expires_at > :now"
        ),
        {"digest": digest, "now": now},
    )
    row = rows.mappings().first()
    return None if row is None else PageSession(**row)


async def delete(conn: AsyncConnection, digest: bytes) -> None:
    """End one session."""
    await conn.execute(text("delete from page_sessions where digest = :digest"), {"digest": digest})


async def delete_of_key(conn: AsyncConnection, key_id: str) -> None:
    """End all sessions that a key opened."""
    await conn.execute(text("delete from page_sessions where key_id = :key_id"), {"key_id": key_id})


async def delete_expired(conn: AsyncConnection, now: datetime) -> None:
    """Delete sessions that open nothing any more."""
    await conn.execute(text("delete from page_sessions where expires_at <= :now"), {"now": now})
