"""Signatures of calls: whether a call comes from who holds the secret, and is fresh."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

from healthsvc.wire.events.times import EPOCH, MICROSECOND, parse_instant
from healthsvc.wire.sources.document import Scheme

TOLERANCE: Final = timedelta(minutes=5)
_HUBSPOT_DECODED: Final = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""The only escapes that HubSpot decodes before it signs."""
UNSIGNED: Final = "The call has no signature where {header} should be."
FORGED: Final = "The signature doesn't fit the body and the source's secret."
STALE: Final = "The signature is more than 5 minutes off: the call may be a replay."


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """A call as its sender signed it; headers by lower-case name."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def fault_of(scheme: Scheme, secrets: Sequence[str], call: SignedCall, now: datetime) -> str | None:
    """Why the call is refused; None if it is genuine and fresh."""
    if not secrets:
        return "The source has no secret yet: set it with PUT /v1/sources/{name}."
    verify = _VERIFIERS.get(scheme)
    return None if verify is None else verify(secrets, call, now)


def _stripe(secrets: Sequence[str], call: SignedCall, now: datetime) -> str | None:
    header = call.headers.get("stripe-signature", "")
    parts = [part.partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name.strip() == "t"]
    signatures = [value.strip() for name, _, value in parts if name.strip() == "v1"]
    if not stamps or not signatures:
        return UNSIGNED.format(header="Stripe-Signature")
    signed = stamps[0].encode() + b"." + call.body
    expected = [_hex(secret, signed) for secret in secrets]
    if not _any_equal(expected, signatures):
        return FORGED
    return _freshness(_of_seconds(stamps[0], 1), now)


def _hubspot(secrets: Sequence[str], call: SignedCall, now: datetime) -> str | None:
    signature = call.headers.get("x-hubspot-signature-v3")
    stamp = call.headers.get("x-hubspot-request-timestamp", "")
    if signature is None:
        return UNSIGNED.format(header="X-HubSpot-Signature-v3")
    url = _HUBSPOT_DECODED.sub(lambda escape: chr(int(escape[1], 16)), call.url)
    signed = f"{call.method}{url}".encode() + call.body + stamp.encode()
    if not _any_equal([_base64(secret, signed) for secret in secrets], [signature]):
        return FORGED
    return _freshness(_of_seconds(stamp, 1000), now)


def _zendesk(secrets: Sequence[str], call: SignedCall, now: datetime) -> str | None:
    signature = call.headers.get("x-zendesk-webhook-signature")
    stamp = call.headers.get("x-zendesk-webhook-signature-timestamp", "")
    if signature is None:
        return UNSIGNED.format(header="X-Zendesk-Webhook-Signature")
    signed = stamp.encode() + call.body
    if not _any_equal([_base64(secret, signed) for secret in secrets], [signature]):
        return FORGED
    us = parse_instant(stamp)
    return _freshness(None if us is None else EPOCH + us * MICROSECOND, now)


def _intercom(secrets: Sequence[str], call: SignedCall, _: datetime) -> str | None:
    """Without a time: an id that comes again is counted once."""
    header = call.headers.get("x-hub-signature")
    if header is None:
        return UNSIGNED.format(header="X-Hub-Signature")
    expected = [
        "sha1=" + hmac.new(secret.encode(), call.body, hashlib.sha1).hexdigest()
        for secret in secrets
    ]
    return None if _any_equal(expected, [header]) else FORGED


def _mautic(secrets: Sequence[str], call: SignedCall, _: datetime) -> str | None:
    """Without a time: an id that comes again is counted once."""
    header = call.headers.get("webhook-signature")
    if not header:
        return UNSIGNED.format(header="Webhook-Signature")
    expected = [_base64(secret, call.body) for secret in secrets]
    return None if _any_equal(expected, [header]) else FORGED


def _hmac_sha256(secrets: Sequence[str], call: SignedCall, _: datetime) -> str | None:
    """The hexadecimal HMAC of the body, as many systems send it."""
    header = call.headers.get("x-signature") or call.headers.get("x-hub-signature-256")
    if header is None:
        return UNSIGNED.format(header="X-Signature")
    expected = [_hex(secret, call.body) for secret in secrets]
    return None if _any_equal(expected, [header.removeprefix("sha256=")]) else FORGED


def _url_secret(secrets: Sequence[str], call: SignedCall, _: datetime) -> str | None:
    given = parse_qs(urlsplit(call.url).query).get("secret", [])
    if not given:
        return "The call has no secret: add ?secret=… to the URL that you give the sender."
    return None if _any_equal(secrets, given) else "The URL's secret isn't the source's."


_VERIFIERS: Final[Mapping[Scheme, Callable[[Sequence[str], SignedCall, datetime], str | None]]] = {
    "stripe": _stripe,
    "hubspot": _hubspot,
    "zendesk": _zendesk,
    "intercom": _intercom,
    "mautic": _mautic,
    "hmac_sha256": _hmac_sha256,
    "url_secret": _url_secret,
}


def _hex(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _base64(secret: str, signed: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def _any_equal(expected: Sequence[str], given: Sequence[str]) -> bool:
    return any(
        hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given[:8]
    )


def _of_seconds(text: str, scale: int) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 14):
        return None
    return datetime.fromtimestamp(int(text) / scale, UTC) if len(text) < 14 else None


def _freshness(signed_at: datetime | None, now: datetime) -> str | None:
    if signed_at is None or abs(now - signed_at) > TOLERANCE:
        return STALE
    return None
