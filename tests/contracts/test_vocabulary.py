"""An event type is declared once: the core's meaning, the wire's data and example, and the facts'
handlers agree."""

import json
from datetime import UTC, datetime

import pytest

from healthsvc.core import events as core_events
from healthsvc.core.folding import facts, items
from healthsvc.core.instants import to_us
from healthsvc.wire.events import catalogue
from healthsvc.wire.events.decode import decode_one

NOW_US = to_us(datetime(2026, 7, 1, tzinfo=UTC))


def test_the_wire_decodes_exactly_the_types_that_the_core_declares():
    assert catalogue.BUILTIN_TYPES.keys() == core_events.BUILTIN_TYPES


def test_every_declared_constant_is_in_the_list_of_types():
    constants = {
        value for value in vars(core_events).values() if isinstance(value, core_events.EventType)
    }
    assert constants == set(core_events.EVENT_TYPES)
    assert len(core_events.BY_NAME) == len(core_events.EVENT_TYPES)


def test_every_type_that_writes_facts_has_a_handler_and_no_other_has():
    assert facts.HANDLERS.keys() == {t.name for t in core_events.EVENT_TYPES if t.facts}


def test_every_fact_that_a_type_claims_to_write_is_a_fact():
    claimed = {name for t in core_events.EVENT_TYPES for name in t.facts} - {"profile"}
    assert claimed <= facts.COLUMN.keys()


@pytest.mark.parametrize(
    "event_type", [t for t in core_events.EVENT_TYPES if t.item], ids=lambda t: t.name
)
def test_the_data_of_a_step_names_its_item_and_rates_where_it_may(event_type):
    assert event_type.name in items.STEPS
    data = catalogue.BUILTIN_TYPES[event_type.name].__annotations__["data"]
    assert event_type.item.id_field in data.__struct_fields__
    assert ("rating" in data.__struct_fields__) is event_type.item.rates


@pytest.mark.parametrize("name", sorted(core_events.BUILTIN_TYPES))
def test_the_example_of_a_type_is_a_good_event_with_data(name):
    event = decode_one(json.dumps(catalogue.example(name)).encode(), NOW_US)
    assert isinstance(event, catalogue.Envelope), event
    assert catalogue.type_of(event) == name
