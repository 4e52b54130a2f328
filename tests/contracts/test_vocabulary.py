"""An event type is declared once: the core's meaning, the wire's data and example, and the facts'
handlers agree."""

import json
from datetime import UTC, datetime

import pytest

from healthsvc.core import events as core_events
from healthsvc.core.folding import facts
from healthsvc.core.folding.items import registry
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
def test_the_example_of_a_step_names_its_item(event_type):
    _, id_of, _ = registry.STEPS[event_type.name]
    example = json.dumps(catalogue.example(event_type.name)).encode()
    assert id_of(decode_one(example, NOW_US))


def test_each_kind_of_item_has_a_number_of_its_own_and_few_enough_fields():
    numbers = [rules.number for rules in registry.KINDS]
    assert len(set(numbers)) == len(numbers)
    assert all(1 <= number <= 15 for number in numbers)
    assert all(rules.fields <= 12 for rules in registry.KINDS)


def test_what_items_come_to_are_facts():
    claimed = {name for rules in registry.KINDS for name in rules.columns}
    assert claimed <= facts.COLUMN.keys()


@pytest.mark.parametrize("name", sorted(core_events.BUILTIN_TYPES))
def test_the_example_of_a_type_is_a_good_event_with_data(name):
    event = decode_one(json.dumps(catalogue.example(name)).encode(), NOW_US)
    assert isinstance(event, catalogue.Envelope), event
    assert catalogue.type_of(event) == name
