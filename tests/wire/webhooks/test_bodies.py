"""Bodies of webhooks: their encoding, their limit, and the ids of messages."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.wire.webhooks.bodies import LIMIT, BodyTooLongError, body, message_id

AT = datetime(2026, 3, 2, 9, 0, 0, 120_000, tzinfo=UTC)

ALERT = {
    "id": "al_1",
    "customer_id": "acme",
    "summary": "Acme looked at the cancel page.",
    "detail": {"url": "/cancel"},
    "sequence": 7,
}


def test_times_are_told_in_utc() -> None:
    east = AT.astimezone(timezone(timedelta(hours=9)))

    assert (
        msgspec.json.decode(body("test.sent", east, {}))["timestamp"]
        == "2026-03-02T09:00:00.120000Z"
    )


@given(
    summary=st.text(st.characters(exclude_categories=["Cs"]), max_size=40_000),
    detail=st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=50), max_size=20),
    flags=st.lists(st.text(max_size=30), max_size=2000),
)
def test_a_body_is_always_valid_json_under_the_limit(
    summary: str, detail: dict[str, object], flags: list[str]
) -> None:
    made = body(
        "alert.raised", AT, {"summary": summary, "detail": detail, "flags": flags, "sequence": 7}
    )

    assert len(made.encode()) < LIMIT
    assert msgspec.json.decode(made)["data"]["sequence"] == 7


def test_what_is_too_long_loses_its_detail_first() -> None:
    made = msgspec.json.decode(body("alert.raised", AT, ALERT | {"detail": {"long": "x" * 30_000}}))

    assert made["data"]["detail"] == {"omitted": True}
    assert made["data"]["summary"] == ALERT["summary"]


def test_too_many_fields_are_an_error() -> None:
    with pytest.raises(BodyTooLongError):
        body("test.sent", AT, {f"field_{i}": "x" * 100 for i in range(1000)})


def test_what_json_cant_say_is_an_error() -> None:
    with pytest.raises(TypeError):
        body("test.sent", AT, {"thing": object()})


def test_message_ids_are_determined_by_their_parts() -> None:
    assert message_id("a", 1) == message_id("a", 1)
    assert len({message_id("a", 1), message_id("a", 2), message_id("a1")}) == 3
    assert message_id("a").startswith("msg_")
