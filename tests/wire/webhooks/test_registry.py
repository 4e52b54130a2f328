"""Every type of webhook is declared once: its schema says what is sent, to the field, and somebody
sends it."""

import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import numpy as np
import pytest

from healthsvc.core.actors import Actor
from healthsvc.core.alerts import ACKNOWLEDGED, OPEN, RESOLVED, Alert, AlertState
from healthsvc.wire.webhooks import (
    alerts,
    customer_object,
    customers,
    deliveries,
    operations,
    registry,
    scorecards,
)
from healthsvc.wire.webhooks.registry import TYPES, all_schemas
from healthsvc.wire.webhooks.webhook_type import WebhookType
from tests.support.webhook_catalogue import closed

AT = datetime(2026, 3, 2, 9, 0, 0, 120_000, tzinfo=UTC)
KIM = Actor(kind="person", name="Kim Park", via_key="key_1", key_name="crm")
FLOWS = Path(registry.__file__).parents[2] / "flows"
CUSTOMER = customer_object.CUSTOMER_EXAMPLE


def alert(
    state: AlertState, *, customer_id: str | None = "acme", scope: str | None = None
) -> Alert:
    """An alert in this state, settled by a key named crm where it is settled."""
    return Alert(
        id="al_1",
        customer_id=customer_id,
        scope=scope,
        kind="silent",
        severity="warning",
        state=state,
        summary="Acme went silent.",
        detail={"score": 41.5},
        onset_at=AT,
        raised_at=AT,
        acknowledged_at=AT if state == ACKNOWLEDGED else None,
        acknowledged_by="crm" if state == ACKNOWLEDGED else None,
        acknowledged_actor=KIM if state == ACKNOWLEDGED else None,
        resolved_at=AT if state == RESOLVED else None,
        resolved_by="crm" if state == RESOLVED else None,
        resolved_actor=KIM if state == RESOLVED else None,
        condition_ended_at=None,
        revision=1,
        position=1,
    )


RAISED = alerts.raised(alert(OPEN), CUSTOMER, {"score": np.float64(41.5)})
OPERATIONS = {
    state: operations.said_of(alert(state, customer_id=None, scope="source:web"), None)
    for state in (OPEN, ACKNOWLEDGED, RESOLVED)
}
MADE: list[tuple[WebhookType[Any], Any]] = [
    (alerts.ALERT_RAISED, RAISED),
    (
        alerts.ALERT_ESCALATED,
        alerts.taken_over(
            RAISED,
            id="al_0",
            state=ACKNOWLEDGED,
            onset_at=AT,
            raised_at=AT,
            previous_kind="usage_drop",
            previous_severity="info",
        ),
    ),
    (alerts.ALERT_ACKNOWLEDGED, alerts.settled(alert(ACKNOWLEDGED), CUSTOMER, None)),
    (alerts.ALERT_RESOLVED, alerts.settled(alert(RESOLVED), CUSTOMER, "Called them.")),
    (alerts.ALERT_RESOLVED, alerts.condition_ended(alert(OPEN), CUSTOMER)),
    *((operations.BY_STATE[state], data) for state, data in OPERATIONS.items()),
    *((type, type.example) for type in TYPES.values()),
]


@pytest.mark.parametrize(
    ("type", "data"), MADE, ids=[f"{i}-{type.name}" for i, (type, _) in enumerate(MADE)]
)
def test_a_body_fits_its_types_schema_to_the_field_and_no_other_types(
    type: WebhookType[Any], data: object
) -> None:
    made = msgspec.json.decode(type.body(AT, data))

    fitting = [
        name
        for name, schema in all_schemas().items()
        if jsonschema_rs.validator_for(closed(schema), validate_formats=True).is_valid(made)
    ]

    assert fitting == [type.name]


def test_every_alert_message_that_the_service_can_make_is_among_those_tried() -> None:
    assert {type.name for type, _ in MADE} == set(TYPES)
    assert {type.name for type in [*alerts.SETTLED.values(), *operations.BY_STATE.values()]} <= set(
        TYPES
    )


@pytest.mark.parametrize("type", TYPES.values(), ids=TYPES)
def test_a_body_without_one_of_its_fields_doesnt_fit(type: WebhookType[Any]) -> None:
    validator = jsonschema_rs.validator_for(type.schema())
    whole = msgspec.json.decode(type.body(AT, type.example))
    assert set(whole["data"]) == {field.name for field in fields(type.example)}
    for field in whole["data"]:
        data = {name: value for name, value in whole["data"].items() if name != field}
        assert not validator.is_valid(whole | {"data": data}), field


@pytest.mark.parametrize("type", TYPES.values(), ids=TYPES)
def test_each_schema_is_of_its_dialect_and_names_its_type(type: WebhookType[Any]) -> None:
    schema = type.schema()

    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"].endswith(type.name)


def test_a_band_without_evidence_fits_too() -> None:
    unknown = replace(
        customers.BAND_CHANGED.example, score=None, risk=None, band=None, previous_band=None
    )

    made = msgspec.json.decode(customers.BAND_CHANGED.body(AT, unknown))

    jsonschema_rs.validator_for(customers.BAND_CHANGED.schema()).validate(made)


def test_a_type_that_nothing_sends_doesnt_exist() -> None:
    flows = "\n".join(path.read_text(encoding="utf-8") for path in FLOWS.rglob("*.py"))
    in_use: set[WebhookType[Any]] = set()
    for name, table in {"SETTLED": alerts.SETTLED, "BY_STATE": operations.BY_STATE}.items():
        if re.search(rf"\b{name}\[", flows):
            in_use |= set(table.values())
    for room in (alerts, customers, deliveries, operations, scorecards):
        in_use |= {
            value
            for name, value in vars(room).items()
            if isinstance(value, WebhookType) and re.search(rf"\b{name}\b", flows)
        }

    assert set(TYPES) == {type.name for type in in_use}


def test_every_declared_type_is_in_the_registry() -> None:
    declared = {
        value
        for room in (alerts, customers, deliveries, operations, scorecards)
        for value in vars(room).values()
        if isinstance(value, WebhookType)
    }

    assert declared == set(TYPES.values())
