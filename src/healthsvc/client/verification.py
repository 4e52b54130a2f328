"""Checks that a webhook comes from the service, and reads it (Standard Webhooks 1.0.0)."""

import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from healthsvc.client.errors import SignatureInvalid
from healthsvc.webhooks.signing import signature

TOLERANCE_SECONDS: Final = 300.0
_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookBody:
    """The body of a webhook."""

    type: str
    timestamp: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMessage:
    """A verified webhook. `id` is the same whenever it is delivered again: remember it, and ignore
    what comes twice."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]


_BODY: Final = TypeAdapter(WebhookBody)


def verify_webhook(
    secrets: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> WebhookMessage:
    """The message in a request, once its signature and its age are right.

    secrets: the endpoint's, or several during a rotation. body: the bytes as they came, before any
    parsing. now: Unix seconds. Raises SignatureInvalid.
    """
    message_id, sent_at, signatures = _required(headers)
    if abs((time.time() if now is None else now) - sent_at) > tolerance_seconds:
        raise SignatureInvalid("The message is too old, or its clock is ahead of ours.")
    accepted = [secrets] if isinstance(secrets, str) else secrets
    expected = [signature(secret, message_id, sent_at, body).encode() for secret in accepted]
    matches = [hmac.compare_digest(each, one) for each in expected for one in signatures]
    if not any(matches):
        raise SignatureInvalid("The signature isn't that of any secret.")
    try:
        read = _BODY.validate_json(body)
    except ValidationError as error:
        raise SignatureInvalid("The body isn't a message of healthsvc.") from error
    return WebhookMessage(id=message_id, type=read.type, timestamp=read.timestamp, data=read.data)


def _required(headers: Mapping[str, str]) -> tuple[str, int, list[bytes]]:
    """Id, Unix seconds and signatures."""
    lower = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in _HEADERS if not lower.get(name)]
    if missing:
        raise SignatureInvalid(f"The header {missing[0]} is missing.")
    message_id, sent_at, signatures = (lower[name] for name in _HEADERS)
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12):
        raise SignatureInvalid("The header webhook-timestamp isn't a number of seconds.")
    return message_id, int(sent_at), [each.encode() for each in signatures.split()]
