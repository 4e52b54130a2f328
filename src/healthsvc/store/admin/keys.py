"""API keys: hashes, scopes and their dates; a key itself is never stored."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text

from healthsvc.core.instants import to_us
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import INSTANT, Place, newest

COLUMNS = "id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at"
ORDER = {"created_at": INSTANT, "id": ":k"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of one key."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def created_us(self) -> int:
        """The instant of creation as the list's cursor holds it."""
        return to_us(self.created_at)

    def holds(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


async def insert(conn: AsyncConnection, key: Key, digest: bytes) -> None:
    """Keep a new key."""
    await conn.execute(
        text(
            "insert into api_keys (id, name, prefix, hash, scopes, created_at, expires_at)"
            " values (:id, :name, :prefix, :hash, :scopes, :created_at, :expires_at)"
        ),
        {
            "id": key.id,
            "name": key.name,
            "prefix": key.prefix,
            "hash": digest,
            "scopes": list(key.scopes),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        },
    )


async def by_digest(conn: AsyncConnection, digest: bytes) -> Key | None:
    """The key with this hash, whatever its state."""
    rows = await conn.execute(
        text(f"select {COLUMNS} from api_keys where hash = :hash"), {"hash": digest}
    )
    row = rows.mappings().first()
    return None if row is None else _key(row)


async def get(conn: AsyncConnection, key_id: str) -> Key | None:
    """The key with this id, whatever its state."""
    rows = await conn.execute(
        text(f"select {COLUMNS} from api_keys where id = :id"), {"id": key_id}
    )
    row = rows.mappings().first()
    return None if row is None else _key(row)


async def page(conn: AsyncConnection, place: Place) -> list[Key]:
    """Keys, newest first; revoked ones, too."""
    select = f"select {COLUMNS} from api_keys"
    return [_key(row) for row in await newest(conn, select, ORDER, {}, place)]


async def revoke(conn: AsyncConnection, key_id: str, now: datetime) -> bool:
    """End a key; False if there is none, or it had ended already."""
    revoked = await conn.execute(
        text(
            "update api_keys set revoked_at = :now where id = :id and revoked_at is null"
            " returning id"
        ),
        {"id": key_id, "now": now},
    )
    return revoked.first() is not None


async def mark_used(conn: AsyncConnection, key_id: str, now: datetime) -> None:
    """Remember when a key was last used. The caller keeps this to once a minute."""
    await conn.execute(
        text("update api_keys set last_used_at = :now where id = :id"), {"id": key_id, "now": now}
    )


def _key(row: RowMapping) -> Key:
    return Key(**{**row, "scopes": tuple(row["scopes"])})
