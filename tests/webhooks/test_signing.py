"""Signatures by Standard Webhooks, checked with a published vector and an independent library."""

import base64
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from healthsvc.store.database.secrets import new_signing_secret
from healthsvc.webhooks.signing import SecretError, headers, secret_bytes, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_published_vector_holds() -> None:
    signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    data=st.dictionaries(st.text(max_size=5), st.text(max_size=20)),
    key=st.binary(min_size=24, max_size=64),
)
def test_an_independent_library_verifies_what_we_sign(data: dict[str, str], key: bytes) -> None:
    body = msgspec.json.encode(data)
    secret = "whsec_" + base64.b64encode(key).decode()

    assert Webhook(secret).verify(body.decode(), headers([secret], "msg_1", now(), body)) == data


def test_during_a_rotation_holders_of_either_secret_verify() -> None:
    new, old, body = new_signing_secret(), new_signing_secret(), b'{"type":"test.sent"}'

    sent = headers([new, old], "msg_1", now(), body)

    for secret in (new, old):
        assert Webhook(secret).verify(body.decode(), sent) == {"type": "test.sent"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_signing_secret()).verify(body.decode(), sent)


def test_another_body_doesnt_verify() -> None:
    sent = headers([SECRET], "msg_1", now(), b"{}")

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify("{ }", sent)


def test_new_secrets_are_well_formed_and_differ() -> None:
    first, second = new_signing_secret(), new_signing_secret()

    assert first != second
    assert len(secret_bytes(first)) == 32


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_!!!",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
    ],
)
def test_a_malformed_secret_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(SecretError) as caught:
        secret_bytes(secret)
    assert "MfKQ" not in str(caught.value)
