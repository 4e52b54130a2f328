"""Items of a call mapped to events and links, or what keeps one from becoming one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from healthsvc.wire.cursors import is_storable
from healthsvc.wire.events.rejects import FieldError
from healthsvc.wire.sources.document import OWN, CompiledEvent, CompiledLink, CompiledRule, Source
from healthsvc.wire.sources.expressions import ExpressionError
from healthsvc.wire.sources.functions import MappingFunctions

MAX_OUTPUT: Final = 64 * 1024
MAX_ID: Final = 200
NO_RULE: Final = "no rule of the mapping takes it"
_text = MappingFunctions()._func_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalName:
    """How another system names a customer."""

    namespace: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedEvent:
    """An event whose customer may have to be found yet."""

    fields: dict[str, Any]
    """The envelope, without `customer_id`."""
    names: tuple[ExternalName, ...]
    """The customer, as the sender names it: the first that is known counts."""

    def envelope(self, customer_id: str) -> bytes:
        """The event in our own envelope."""
        return msgspec.json.encode(self.fields | {"customer_id": customer_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedLink:
    """An external id, and the customer that it stands for."""

    name: ExternalName
    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedItem:
    """What a mapping makes of one item."""

    index: int
    events: tuple[MappedEvent, ...] = ()
    links: tuple[MappedLink, ...] = ()
    ignored: str | None = None
    faults: Sequence[FieldError] = field(default=())


def map_item(source: Source, index: int, item: Any) -> MappedItem:
    """The events and links of one item, by the first rule that holds for it; all or none."""
    try:
        rule = next((rule for rule in source.rules if rule.when(item)), None)
    except ExpressionError as error:
        return MappedItem(index=index, faults=[FieldError("/when", str(error))])
    if rule is None:
        return MappedItem(index=index, ignored=NO_RULE)
    if rule.ignore is not None:
        return MappedItem(index=index, ignored=rule.ignore)
    return _by_rule(source, rule, index, item)


def _by_rule(source: Source, rule: CompiledRule, index: int, item: Any) -> MappedItem:
    faults: list[FieldError] = []
    events: list[MappedEvent] = []
    for number, template in enumerate(rule.events):
        event = _event(source, template, item, number, faults)
        if event is not None:
            events.append(event)
    links = [link for template in rule.links if (link := _link(template, item, faults))]
    if faults:
        return MappedItem(index=index, faults=faults)
    if not events and not links:
        return MappedItem(index=index, ignored="it says nothing that the mapping takes")
    return MappedItem(index=index, events=tuple(events), links=tuple(links))


def _event(
    source: Source, template: CompiledEvent, item: Any, number: int, faults: list[FieldError]
) -> MappedEvent | None:
    if template.when is not None and not _value(template.when, item, "/when", faults):
        return None
    before = len(faults)
    event_id = _text(_value(template.id, item, "/id", faults))
    occurred_at = _text(_value(template.occurred_at, item, "/occurred_at", faults))
    contact = _text(_value(template.contact, item, "/contact", faults))
    names = _names(template, item, faults)
    data = {
        name: value
        for name, expression in template.data
        if (value := _value(expression, item, f"/data/{name}", faults)) is not None
    }
    if len(faults) == before:
        faults += _missing(event_id, occurred_at, names)
    if len(faults) > before or event_id is None:
        return None
    fields = {
        "id": event_id if number == 0 else f"{event_id}:{number}",
        "source": source.name,
        "type": template.type,
        "occurred_at": occurred_at,
        "data": data,
    }
    if contact is not None:
        fields["contact_id"] = contact
    if len(msgspec.json.encode(fields)) > MAX_OUTPUT:
        faults.append(FieldError("/data", f"must be at most {MAX_OUTPUT // 1024} KiB"))
        return None
    return MappedEvent(fields=fields, names=names)


def _missing(
    event_id: str | None, occurred_at: str | None, names: Sequence[ExternalName]
) -> list[FieldError]:
    faults: list[FieldError] = []
    if event_id is None:
        faults.append(FieldError("/id", "the mapping finds no id in the call"))
    if occurred_at is None:
        faults.append(FieldError("/occurred_at", "the mapping finds no time in the call"))
    if not names:
        faults.append(FieldError("/customer", "the mapping finds no customer in the call"))
    return faults


def _names(
    template: CompiledEvent, item: Any, faults: list[FieldError]
) -> tuple[ExternalName, ...]:
    names: list[ExternalName] = []
    for namespace, expression in template.customer:
        name = _text(_value(expression, item, f"/customer/{namespace}", faults))
        if name is None:
            continue
        if not _are_ids(name):
            detail = f"must have at most {MAX_ID} characters, and no U+0000"
            faults.append(FieldError(f"/customer/{namespace}", detail))
            continue
        names.append(ExternalName(namespace=namespace, id=name))
    return tuple(names)


def _link(template: CompiledLink, item: Any, faults: list[FieldError]) -> MappedLink | None:
    name = _text(_value(template.id, item, "/links/id", faults))
    customer_id = _text(_value(template.customer_id, item, "/links/customer_id", faults))
    if name is None or customer_id is None or not _are_ids(name, customer_id):
        return None
    return MappedLink(
        name=ExternalName(namespace=template.namespace, id=name), customer_id=customer_id
    )


def _are_ids(*texts: str) -> bool:
    return all(len(text) <= MAX_ID and is_storable(text) for text in texts)


def _value(expression: Any, item: Any, pointer: str, faults: list[FieldError]) -> Any:
    try:
        return expression(item)
    except ExpressionError as error:
        faults.append(FieldError(pointer, str(error)))
        return None


def own_id(names: Sequence[ExternalName]) -> str | None:
    """The customer's id where the sender uses ours."""
    return next((name.id for name in names if name.namespace == OWN), None)
