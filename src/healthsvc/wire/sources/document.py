"""A source's mapping: YAML to a compiled source, or the places of its faults."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from healthsvc.core.errors import InvalidInput
from healthsvc.wire import yaml_text
from healthsvc.wire.events.catalogue import TYPE_LENGTH, TYPE_PATTERN
from healthsvc.wire.sources.expressions import Expression, ExpressionError

Scheme = Literal[
    "key", "url_secret", "stripe", "hubspot", "zendesk", "intercom", "mautic", "hmac_sha256"
]
Protocol = Literal["json", "segment", "posthog"]
NAME_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,62}$"
OWN: Final = "customer_id"
"""The namespace of our own ids, which need no link."""
Namespace = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")]
Names = Annotated[dict[Namespace, str], Meta(min_length=1, max_length=8)]
_PLACE: Final = re.compile(r" - at `(?:key in )?\$(.*)`$")


class SourceFault(InvalidInput, ValueError):
    """A mapping can't be used: a JSON Pointer, and what is wrong there."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or '/'}: {detail}")
        self.pointer, self.detail = pointer, detail


class EventTemplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event that a rule makes of an item; expressions left out are the source's own."""

    type: Annotated[str, Meta(pattern=TYPE_PATTERN, max_length=TYPE_LENGTH)]
    id: str | None = None
    occurred_at: str | None = None
    customer: Names | None = None
    contact: str | None = None
    when: str | None = None
    data: Annotated[dict[str, str], Meta(max_length=60)] = {}


class LinkTemplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link that a rule learns from an item: this external id is this customer."""

    namespace: Namespace
    id: str
    customer_id: str


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of the items that `when` holds for: events, links, or nothing."""

    when: str
    events: Annotated[list[EventTemplate], Meta(max_length=10)] = []
    links: Annotated[list[LinkTemplate], Meta(max_length=5)] = []
    ignore: str | None = None


class SourceDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping as it is written."""

    source: Literal[1]
    name: Annotated[str, Meta(pattern=NAME_PATTERN)]
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    authentication: Scheme
    protocol: Protocol = "json"
    items: str = "[@][]"
    id: str
    occurred_at: str
    customer: Names
    contact: str = "`null`"
    rules: Annotated[list[Rule], Meta(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledEvent:
    """An event's expressions."""

    type: str
    id: Expression
    occurred_at: Expression
    customer: tuple[tuple[str, Expression], ...]
    contact: Expression
    when: Expression | None
    data: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLink:
    """A link's expressions."""

    namespace: str
    id: Expression
    customer_id: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """A rule's expressions."""

    when: Expression
    events: tuple[CompiledEvent, ...]
    links: tuple[CompiledLink, ...]
    ignore: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A mapping that calls can be read by."""

    name: str
    title: str
    authentication: Scheme
    protocol: Protocol
    items: Expression
    rules: tuple[CompiledRule, ...]
    text: str


def compile_source(text: str) -> Source:
    """The source that a mapping's YAML describes. Raises SourceFault."""
    try:
        data = yaml_text.read(text)
    except yaml_text.YamlFault as error:
        raise SourceFault(error.pointer, error.detail) from error
    try:
        document = msgspec.convert(data, SourceDocument)
    except msgspec.ValidationError as error:
        raise _fault(str(error)) from error
    rules = tuple(
        _rule(document, rule, f"/rules/{place}") for place, rule in enumerate(document.rules)
    )
    return Source(
        name=document.name,
        title=document.title,
        authentication=document.authentication,
        protocol=document.protocol,
        items=_expression(document.items, "/items"),
        rules=rules,
        text=text,
    )


def _rule(document: SourceDocument, rule: Rule, place: str) -> CompiledRule:
    if bool(rule.events or rule.links) == (rule.ignore is not None):
        raise SourceFault(place, "must have events or links, or say why it ignores: `ignore: …`")
    events = tuple(
        _event(document, template, f"{place}/events/{number}")
        for number, template in enumerate(rule.events)
    )
    links = tuple(
        CompiledLink(
            namespace=link.namespace,
            id=_expression(link.id, f"{place}/links/{number}/id"),
            customer_id=_expression(link.customer_id, f"{place}/links/{number}/customer_id"),
        )
        for number, link in enumerate(rule.links)
    )
    when = _expression(rule.when, f"{place}/when")
    return CompiledRule(when=when, events=events, links=links, ignore=rule.ignore)


def _event(document: SourceDocument, template: EventTemplate, place: str) -> CompiledEvent:
    customer = template.customer or document.customer
    root = place if template.customer else ""
    return CompiledEvent(
        type=template.type,
        id=_either(template.id, document.id, place, "id"),
        occurred_at=_either(template.occurred_at, document.occurred_at, place, "occurred_at"),
        customer=tuple(
            (name, _expression(text, f"{root}/customer/{name}")) for name, text in customer.items()
        ),
        contact=_either(template.contact, document.contact, place, "contact"),
        when=None if template.when is None else _expression(template.when, f"{place}/when"),
        data=tuple(
            (name, _expression(text, f"{place}/data/{name}"))
            for name, text in template.data.items()
        ),
    )


def _either(own: str | None, general: str, place: str, name: str) -> Expression:
    if own is None:
        return _expression(general, f"/{name}")
    return _expression(own, f"{place}/{name}")


def _expression(text: str, pointer: str) -> Expression:
    try:
        return Expression(text)
    except ExpressionError as error:
        raise SourceFault(pointer, str(error)) from error


def _fault(message: str) -> SourceFault:
    """msgspec's message, with its place as a JSON Pointer."""
    place = _PLACE.search(message)
    if place is None:
        return SourceFault("", message[:1].lower() + message[1:])
    pointer = re.sub(r"[.\[]", "/", place[1]).replace("]", "")
    detail = message[: place.start()]
    return SourceFault(pointer, detail[:1].lower() + detail[1:])


def as_data(text: str) -> Any:
    """A mapping as plain data, for its JSON Schema's test."""
    return yaml_text.read(text)
