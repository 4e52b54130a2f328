"""Bodies of webhooks and their schemas."""

from datetime import UTC, datetime, timedelta, timezone

import jsonschema_rs
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.wire.webhooks.bodies import LIMIT, BodyTooLongError, body, message_id
from healthsvc.wire.webhooks.schemas import SCHEMAS, all_schemas

AT = datetime(2026, 3, 2, 9, 0, 0, 120_000, tzinfo=UTC)

ALERT = {
    "id": "al_1",
    "customer_id": "acme",
    "kind": "cancel_intent",
    "severity": "critical",
    "state": "open",
    "summary": "Acme looked at the cancel page.",
    "onset_at": AT,
    "raised_at": AT,
    "detail": {"url": "/cancel"},
    "sequence": 7,
}
DECISION = {
    "customer_id": "acme",
    "score": np.float64(41.5),
    "risk": None,
    "band": "at_risk",
    "previous_band": None,
    "decided_at": AT,
    "flags": ["silent"],
    "scorecard_version": 1,
    "sequence": 7,
}
FLAG = {"customer_id": "acme", "flag": "silent", "decided_at": AT, "sequence": 7}
OPERATIONS = {name: value for name, value in ALERT.items() if name not in ("customer_id", "sequence")} | {
    "kind": "fleet_guard",
    "scope": "source:web",
    "by": None,
    "note": None,
}
DELIVERY = {
    "delivery_id": 1,
    "endpoint_id": "ep_1",
    "url": "https://hooks.example.com/",
    "message_id": "msg_1",
    "message_type": "alert.raised",
    "attempts": 10,
    "outcome": "timeout",
}
EXAMPLES = {
    "alert.raised": ALERT,
    "alert.escalated": ALERT | {"kind": "silent_unhappy", "previous_kind": "silent", "previous_severity": "warning"},
    "alert.acknowledged": ALERT | {"state": "acknowledged"},
    "alert.resolved": ALERT | {"state": "resolved"},
    "customer.band.changed": DECISION,
    "customer.risk.raised": DECISION | {"previous_risk": 0.2},
    "customer.flag.raised": FLAG,
    "customer.flag.released": FLAG,
    "operations.alert.raised": OPERATIONS,
    "operations.alert.acknowledged": OPERATIONS | {"state": "acknowledged", "by": "kim"},
    "operations.alert.resolved": OPERATIONS | {"state": "resolved", "by": "released"},
    "endpoint.disabled": {"endpoint_id": "ep_1", "url": "https://x/", "reason": "gone", "failing_since": None},
    "delivery.exhausted": DELIVERY,
    "delivery.recovered": DELIVERY,
    "test.sent": {"endpoint_id": "ep_1", "note": "hello"},
}


@pytest.mark.parametrize("type", SCHEMAS)
def test_each_types_body_fits_its_schema_and_no_others(type: str) -> None:
    made = msgspec.json.decode(body(type, AT, EXAMPLES[type]))

    fitting = [
        name
        for name, schema in all_schemas().items()
        if jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(made)
    ]

    assert fitting == [type]


@pytest.mark.parametrize("type", SCHEMAS)
def test_a_body_without_one_of_its_fields_doesnt_fit(type: str) -> None:
    validator = jsonschema_rs.validator_for(SCHEMAS[type]())
    for field in EXAMPLES[type]:
        data = {name: value for name, value in EXAMPLES[type].items() if name != field}
        assert not validator.is_valid(msgspec.json.decode(body(type, AT, data))), field


@pytest.mark.parametrize("type", SCHEMAS)
def test_each_schema_is_of_its_dialect_and_names_its_type(type: str) -> None:
    schema = SCHEMAS[type]()

    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"].endswith(type)


def test_times_are_told_in_utc() -> None:
    east = AT.astimezone(timezone(timedelta(hours=9)))

    assert msgspec.json.decode(body("test.sent", east, {}))["timestamp"] == "2026-03-02T09:00:00.120000Z"


@given(
    summary=st.text(st.characters(exclude_categories=["Cs"]), max_size=40_000),
    detail=st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=50), max_size=20),
    flags=st.lists(st.text(max_size=30), max_size=2000),
)
def test_a_body_is_always_valid_json_under_the_limit(summary: str, detail: dict[str, object], flags: list[str]) -> None:
    made = body("alert.raised", AT, {"summary": summary, "detail": detail, "flags": flags, "sequence": 7})

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
