"""The service's own secret, the keys derived from it, and the encryption of what must not be
readable at rest."""

import base64
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import text

from healthsvc.core.errors import InternalFault
from healthsvc.store.database.engine import AsyncConnection

SECRET_BYTES: Final = 32
NAME: Final = "service"
VERSION: Final = b"\x01"
KEY_ID_BYTES: Final = 8
NONCE_BYTES: Final = 12


def derive(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256); keys of different purposes reveal nothing
    about each other."""
    return HKDF(algorithm=SHA256(), length=32, salt=b"healthsvc", info=purpose.encode()).derive(
        secret
    )


async def service_secret(conn: AsyncConnection, configured: str | None) -> bytes:
    """The secret that all others derive from: the configured text's, or one generated once and kept
    in the database."""
    if configured:
        return derive(configured.encode(), "service secret")
    return await _generated(conn) or await _generate(conn)


async def vault(conn: AsyncConnection, configured: str | None) -> "Vault":
    """Seals with the service secret; what the generated one sealed stays readable when another is
    configured later."""
    secret = await service_secret(conn, configured)
    generated = await _generated(conn)
    return Vault(secret, [generated] if generated is not None else [])


async def _generated(conn: AsyncConnection) -> bytes | None:
    rows = await conn.execute(
        text("select value from service_secrets where name = :name"), {"name": NAME}
    )
    value = rows.scalar_one_or_none()
    return None if value is None else bytes(value)


async def _generate(conn: AsyncConnection) -> bytes:
    """Insert a fresh secret; of several processes that start at once one wins, and all read the
    same."""
    rows = await conn.execute(
        text(
            "insert into service_secrets (name, value) values (:name, :value)"
            " on conflict (name) do update set name = excluded.name returning value"
        ),
        {"name": NAME, "value": os.urandom(SECRET_BYTES)},
    )
    return bytes(rows.scalar_one())


def new_signing_secret() -> str:
    """A secret for one webhook endpoint, in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


class SealError(InternalFault):
    """A stored secret can't be read: it was made with another service secret
    (HEALTHSVC_SECRET_KEY), or was altered."""


class Vault:
    """AES-GCM under keys derived from service secrets: it seals with the first, and opens with any.

    A sealed value is version, key id, nonce, ciphertext with tag. The owner's id is associated
    data: a value copied to another owner's row doesn't open.
    """

    def __init__(self, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self._ciphers = {
            derive(each, "key id")[:KEY_ID_BYTES]: AESGCM(derive(each, "signing secrets"))
            for each in (secret, *previous)
        }
        self._key_id = next(iter(self._ciphers))

    def encrypt(self, plain: str, owner_id: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        head = VERSION + self._key_id
        return (
            head
            + nonce
            + self._ciphers[self._key_id].encrypt(nonce, plain.encode(), head + owner_id.encode())
        )

    def decrypt(self, sealed: bytes, owner_id: str) -> str:
        """Raises SealError."""
        head, rest = sealed[: 1 + KEY_ID_BYTES], sealed[1 + KEY_ID_BYTES :]
        cipher = self._ciphers.get(head[1:])
        if cipher is None or head[:1] != VERSION or len(rest) < NONCE_BYTES:
            raise SealError
        try:
            return cipher.decrypt(
                rest[:NONCE_BYTES], rest[NONCE_BYTES:], head + owner_id.encode()
            ).decode()
        except InvalidTag:
            raise SealError from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the first secret: if not, sealing it anew lets the old one be
        retired."""
        return sealed[1 : 1 + KEY_ID_BYTES] == self._key_id
