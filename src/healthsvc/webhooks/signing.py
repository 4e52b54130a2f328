"""Standard Webhooks 1.0.0: the three headers with which a receiver verifies a message's origin and
age."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from healthsvc.core.errors import InternalFault

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = range(24, 65)


class SecretError(InternalFault, ValueError):
    """A signing secret is `whsec_` and the base64 of 24 to 64 bytes."""


def secret_bytes(secret: str) -> bytes:
    """The key within a secret's text. Raises SecretError, which never shows the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError from None
    if not secret.startswith(PREFIX) or len(key) not in SECRET_BYTES:
        raise SecretError
    return key


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 HMAC-SHA256 of `{id}.{timestamp}.{body}`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return (
        "v1," + base64.b64encode(hmac.digest(secret_bytes(secret), signed, hashlib.sha256)).decode()
    )


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one try, signed with each secret (two during a rotation); `timestamp` is its
    Unix seconds."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            signature(secret, message_id, timestamp, body) for secret in secrets
        ),
    }
