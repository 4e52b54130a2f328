"""What docs/webhooks.md shows is so: its message fits the schema, its verification accepts ours and
no other."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from healthsvc.store.database.secrets import new_signing_secret
from healthsvc.webhooks.signing import headers
from healthsvc.wire.webhooks.registry import all_schemas

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
BODY = b'{"type":"test.sent"}'
Verify = Callable[[str, dict[str, str], bytes], None]


def block(kind: str) -> str:
    """The only block of this kind on the page."""
    (text,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


@pytest.fixture
def verify() -> Verify:
    """The function of the page, run as it stands."""
    names: dict[str, Any] = {}
    exec(block("python"), names)
    found: Verify = names["verify"]
    return found


def seconds_ago(seconds: int) -> int:
    return int(datetime.now(UTC).timestamp()) - seconds


def test_the_message_fits_its_schema() -> None:
    message = json.loads(block("json"))
    jsonschema_rs.validator_for(all_schemas()[message["type"]]).validate(message)


def test_the_verification_accepts_our_signature_with_either_secret_of_a_rotation(
    verify: Verify,
) -> None:
    new, old = new_signing_secret(), new_signing_secret()
    sent = headers([new, old], "msg_1", seconds_ago(1), BODY)

    verify(new, sent, BODY)
    verify(old, sent, BODY)


def test_the_verification_refuses_another_body_another_secret_and_an_old_message(
    verify: Verify,
) -> None:
    secret = new_signing_secret()
    sent = headers([secret], "msg_1", seconds_ago(1), BODY)

    with pytest.raises(ValueError, match="signature"):
        verify(secret, sent, BODY + b" ")
    with pytest.raises(ValueError, match="signature"):
        verify(new_signing_secret(), sent, BODY)
    with pytest.raises(ValueError, match="too old"):
        verify(secret, headers([secret], "msg_1", seconds_ago(600), BODY), BODY)
