"""A webhook is read only if its signature and its age are right."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from healthsvc.client import SignatureInvalid, verify_webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = json.dumps(
    {
        "type": "alert.raised",
        "timestamp": "2026-06-03T09:30:02.092754Z",
        "data": {"id": "al_1", "customer_id": "acme"},
    }
).encode()
SENT_AT = 1_780_479_003


def signed(body: bytes = BODY, *, secret: str = SECRET, at: int = SENT_AT) -> dict[str, str]:
    """Headers as the specification's own library makes them."""
    instant = datetime.fromtimestamp(at, UTC)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": Webhook(secret).sign("msg_1", instant, body.decode()),
    }


def test_a_message_is_read_whatever_the_case_of_its_headers() -> None:
    message = verify_webhook(SECRET, signed(), BODY, now=SENT_AT + 1.0)

    assert (message.id, message.type, message.data["id"]) == ("msg_1", "alert.raised", "al_1")
    assert message.timestamp == datetime(2026, 6, 3, 9, 30, 2, 92754, tzinfo=UTC)


def test_one_of_several_signatures_and_of_several_secrets_is_enough() -> None:
    headers = signed(secret=OTHER)
    headers["Webhook-Signature"] = f"v1a,xyz {headers['Webhook-Signature']} v1,AAAA"

    assert verify_webhook([SECRET, OTHER], headers, BODY, now=SENT_AT).id == "msg_1"


@pytest.mark.parametrize(
    ("headers", "body", "now", "why"),
    [
        (signed(), BODY + b" ", SENT_AT, "signature"),
        (signed(secret=OTHER), BODY, SENT_AT, "signature"),
        (signed() | {"Webhook-Id": "msg_2"}, BODY, SENT_AT, "signature"),
        (signed() | {"Webhook-Timestamp": str(SENT_AT + 1)}, BODY, SENT_AT, "signature"),
        (signed(), BODY, SENT_AT + 301, "too old"),
        (signed(), BODY, SENT_AT - 301, "clock is ahead"),
        (signed() | {"Webhook-Timestamp": "now"}, BODY, SENT_AT, "seconds"),
        (signed() | {"Webhook-Signature": ""}, BODY, SENT_AT, "webhook-signature is missing"),
        (signed() | {"Webhook-Signature": "v1,é"}, BODY, SENT_AT, "signature"),
        ({}, BODY, SENT_AT, "webhook-id is missing"),
        (signed(b"[]"), b"[]", SENT_AT, "isn't a message"),
    ],
)
def test_anything_else_is_refused(headers: dict[str, str], body: bytes, now: int, why: str) -> None:
    with pytest.raises(SignatureInvalid, match=why):
        verify_webhook(SECRET, headers, body, now=now)


def test_no_secret_accepts_nothing() -> None:
    with pytest.raises(SignatureInvalid):
        verify_webhook([], signed(), BODY, now=SENT_AT)
