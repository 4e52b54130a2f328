import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from healthsvc.wire.sources.document import Scheme
from healthsvc.wire.sources.signatures import FORGED, STALE, SignedCall, fault_of

NOW = datetime.fromtimestamp(1767225600, UTC)
SECRET = "test_secret_1"
BODY = '{"a":"ção/1"}'.encode()
HUBSPOT_URL = "https://hs.example/v1/sources/hubspot?x=a%2Fb%20c"
STAMP = "2026-01-01T00:00:00Z"


def b64(signed: bytes, hashed: str = "sha256") -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), signed, hashed).digest()).decode()


def hexed(signed: bytes, hashed: str) -> str:
    return hmac.new(SECRET.encode(), signed, hashed).hexdigest()


HEADERS: dict[Scheme, dict[str, str]] = {
    "stripe": {
        "stripe-signature": "t=1767225600,v1=00,"
        "v1=500e89fd514767efcd919b09184beaba6e7efff1aceaa3f9fb6f244f32bde79a"
    },
    "hubspot": {
        "x-hubspot-signature-v3": "TWtNsg8wuG2rffB+rZsnxv8kOedBWFlCsLCBY+IMkOw=",
        "x-hubspot-request-timestamp": "1767225600000",
    },
    "zendesk": {
        "x-zendesk-webhook-signature": b64(STAMP.encode() + BODY),
        "x-zendesk-webhook-signature-timestamp": STAMP,
    },
    "intercom": {"x-hub-signature": "sha1=" + hexed(BODY, "sha1")},
    "mautic": {"webhook-signature": b64(BODY)},
    "hmac_sha256": {"x-signature": "sha256=" + hexed(BODY, "sha256")},
}
TIMED = ("stripe", "hubspot", "zendesk")


def check(
    scheme: Scheme,
    *,
    body: bytes = BODY,
    now: datetime = NOW,
    secrets: tuple[str, ...] = (SECRET,),
    headers: dict[str, str] | None = None,
) -> str | None:
    call = SignedCall(
        method="POST",
        url=HUBSPOT_URL,
        headers=HEADERS[scheme] if headers is None else headers,
        body=body,
    )
    return fault_of(scheme, secrets, call, now)


@pytest.mark.parametrize("scheme", HEADERS)
def test_a_genuine_call_is_taken_also_while_the_secret_is_replaced(scheme: Scheme) -> None:
    assert check(scheme) is None
    assert check(scheme, secrets=("the-new-one", SECRET)) is None


@pytest.mark.parametrize("scheme", HEADERS)
def test_a_changed_body_another_secret_no_signature_and_no_secret_are_refused(
    scheme: Scheme,
) -> None:
    assert check(scheme, body=BODY + b" ") == FORGED
    assert check(scheme, secrets=("another",)) == FORGED
    assert "has no signature" in str(check(scheme, headers={}))
    assert "no secret yet" in str(check(scheme, secrets=()))


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_a_call_that_is_replayed_or_from_the_future_is_refused(
    scheme: Scheme, minutes: int
) -> None:
    assert check(scheme, now=NOW + timedelta(minutes=minutes)) == STALE
    assert check(scheme, now=NOW + timedelta(minutes=4 if minutes > 0 else -4)) is None


def test_a_secret_in_the_url_opens_and_another_does_not() -> None:
    call = SignedCall(method="POST", url="https://h/v1/x?secret=s1", headers={}, body=BODY)

    assert fault_of("url_secret", ["s1"], call, NOW) is None
    assert fault_of("url_secret", ["s2"], call, NOW) is not None


def test_odd_signatures_are_refused_and_raise_nothing() -> None:
    odd = ["", "t=,v1=", "t=é,v1=é", "t=99999999999999999999,v1=00", "v1=00", "t=1", "=,=,="]

    for header in odd:
        assert check("stripe", headers={"stripe-signature": header}) is not None
