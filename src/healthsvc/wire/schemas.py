"""JSON Schemas (2020-12) and the AsyncAPI document, generated from the types.

`python -m healthsvc.wire.schemas write|check [folder]`; `check` fails if a file isn't what the code
says.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from healthsvc import __version__
from healthsvc.wire.events.allowed_values import INSTANT_PATTERN, schema_of_custom_type
from healthsvc.wire.events.catalogue import (
    BUILTIN_TYPES,
    DATA_DEPTH,
    LARGEST,
    NO_CONTROL_PATTERN,
    TYPE_LENGTH,
    TYPE_PATTERN,
    CustomEvent,
    Envelope,
    example,
)
from healthsvc.wire.events.fields import MEANINGS
from healthsvc.wire.scorecards.schema import scorecard_schema
from healthsvc.wire.webhooks.registry import TYPES

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"
ID_PREFIX: Final = "urn:healthsvc:event:"
CUSTOM: Final = "custom"
FIELD_ORDER: Final = ("id", "source", "type", "customer_id", "contact_id", "occurred_at", "data")
EVERYWHERE: Final = (
    "A record is UTF-8 JSON of at most 64 KiB, without U+0000 and without lone surrogates."
)

FREE_DATA: Final[Schema] = {
    "description": f"Any JSON, at most {DATA_DEPTH} levels deep, its numbers within the limits.",
    "type": ["object", "array", "string", "number", "boolean", "null"],
    "minimum": -LARGEST,
    "maximum": LARGEST,
    "items": {"$ref": "#/$defs/free"},
    "additionalProperties": {"$ref": "#/$defs/free"},
}


def event_schema(type: str) -> Schema:
    """One built-in type, envelope and data; complete in itself."""
    return _headed(type, _event(BUILTIN_TYPES[type], type)) | {"examples": [example(type)]}


def custom_schema() -> Schema:
    """Events of the operator's own types."""
    return _headed(CUSTOM, _custom()) | {"$defs": {"free": FREE_DATA}}


def events_schema() -> Schema:
    """An event of any type."""
    definitions = {type: _event(kind, type) for type, kind in BUILTIN_TYPES.items()}
    definitions |= {CUSTOM: _custom(), "free": FREE_DATA}
    return {
        "$schema": DIALECT,
        "$id": "urn:healthsvc:events",
        "title": "Event",
        "description": f"A fact about a customer, as it is sent over HTTP or Kafka. {EVERYWHERE}",
        "oneOf": [{"$ref": f"#/$defs/{type}"} for type in (*BUILTIN_TYPES, CUSTOM)],
        "discriminator": {"propertyName": "type"},
        "$defs": definitions,
    }


def asyncapi() -> Schema:
    """The Kafka topic that is read and the webhooks that are sent, as AsyncAPI 3.0."""
    events = {
        _message_name(type): _message(type, f"event.{type}.json")
        for type in (*BUILTIN_TYPES, CUSTOM)
    }
    hooks = {
        _message_name(f"webhook.{type}"): _message(type, f"webhook.{type}.json") for type in TYPES
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "healthsvc",
            "version": __version__,
            "description": (
                "Events about customers come in by Kafka, decisions about their health go out by"
                " webhook."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "healthsvc.events",
                "description": (
                    "The name is HEALTHSVC_EVENTS_TOPIC's. Own envelopes, or CloudEvents 1.0.2,"
                    " structured or binary. Keys and partitioners don't matter."
                ),
                "messages": _references(events),
                "bindings": {"kafka": {"topic": "healthsvc.events"}},
            },
            "webhooks": {
                "address": None,
                "description": (
                    "POST to each subscribed endpoint, signed by Standard Webhooks, at least once."
                ),
                "messages": _references(hooks),
                "bindings": {"http": {}},
            },
        },
        "operations": {
            "readEvents": {"action": "receive", "channel": {"$ref": "#/channels/events"}},
            "sendWebhooks": {
                "action": "send",
                "channel": {"$ref": "#/channels/webhooks"},
                "bindings": {"http": {"method": "POST"}},
            },
        },
        "components": {"messages": {**events, **hooks}},
    }


# File name → what makes it. Other rooms' schemas join here, a line each.
SCHEMAS: Final[dict[str, Callable[[], Mapping[str, Any]]]] = {
    "events.json": events_schema,
    **{f"event.{type}.json": partial(event_schema, type) for type in BUILTIN_TYPES},
    f"event.{CUSTOM}.json": custom_schema,
    **{f"webhook.{name}.json": type.schema for name, type in TYPES.items()},
    "asyncapi.json": asyncapi,
    "scorecard.json": scorecard_schema,
}


def rendered() -> dict[str, str]:
    """Every file's text by its name."""
    return {
        name: json.dumps(_one_line(make()), indent=2, ensure_ascii=False) + "\n"
        for name, make in SCHEMAS.items()
    }


def write(folder: Path) -> None:
    """Write the schemas to the folder; remove those that no code makes any more."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = rendered()
    for leftover in _leftovers(folder, texts):
        leftover.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def stale(folder: Path) -> list[str]:
    """Names of the files that differ from the code."""
    texts = rendered()
    differing = [name for name, text in texts.items() if not _is(folder / name, text)]
    return sorted([*differing, *(path.name for path in _leftovers(folder, texts))])


def main(arguments: list[str]) -> int:
    """`write` or `check`, in the folder given or ./schemas."""
    match arguments:
        case ["write", *rest] if len(rest) <= 1:
            write(Path(*rest or ["schemas"]))
            return 0
        case ["check", *rest] if len(rest) <= 1:
            names = stale(Path(*rest or ["schemas"]))
            for name in names:
                print(
                    f"{name} is stale: run python -m healthsvc.wire.schemas write", file=sys.stderr
                )
            return 1 if names else 0
        case _:
            print("usage: python -m healthsvc.wire.schemas write|check [folder]", file=sys.stderr)
            return 2


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _leftovers(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    return [path for path in folder.glob("*.json") if path.name not in texts]


def _one_line(schema: Any) -> Any:
    """The schema with each description on one line: docstrings are wrapped in the code."""
    if isinstance(schema, list):
        return [_one_line(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: (
            " ".join(value.split())
            if key == "description" and isinstance(value, str) and "\n    " in value
            else _one_line(value)
        )
        for key, value in schema.items()
    }


def _headed(type: str, schema: Schema) -> Schema:
    head = {"$schema": DIALECT, "$id": f"{ID_PREFIX}{type}"}
    return head | schema | {"description": f"{schema['description']} {EVERYWHERE}"}


def _event(kind: type[Envelope], type: str) -> Schema:
    """The schema of one type, with what the structs can't say."""
    (whole,), definitions = msgspec.json.schema_components(
        [kind], schema_hook=schema_of_custom_type
    )
    schema: Schema = _inlined(definitions[whole["$ref"].rpartition("/")[2]], definitions)
    properties = schema["properties"]
    properties["type"] = {"const": type}
    for name in ("id", "source", "customer_id"):
        properties[name]["pattern"] = NO_CONTROL_PATTERN
    properties["contact_id"]["anyOf"][0]["pattern"] = NO_CONTROL_PATTERN
    properties["occurred_at"] |= {"format": "date-time", "pattern": _since_1990(INSTANT_PATTERN)}
    _describe(properties["data"], MEANINGS.get(type, {}))
    _require_one(properties["data"], getattr(kind.__annotations__["data"], "one_of", ()))
    schema["title"] = type
    schema["properties"] = {name: properties[name] for name in FIELD_ORDER}
    schema["required"] = sorted({*schema["required"], "type"}, key=FIELD_ORDER.index)
    return schema


def _describe(data: Schema, meanings: Mapping[str, str]) -> None:
    """Add the meaning of each field to the schema of `data`, or of each of its alternatives."""
    for variant in data.get("oneOf", [data]):
        for name, meaning in meanings.items():
            if name in variant["properties"]:
                variant["properties"][name] = {
                    **variant["properties"][name],
                    "description": meaning,
                }


def _require_one(data: Schema, names: Sequence[str]) -> None:
    """Add that one of some optional fields must be there."""
    if names:
        data["anyOf"] = [
            {"required": [name], "properties": {name: {"type": "string"}}} for name in names
        ]


def _custom() -> Schema:
    schema = _event(CustomEvent, CUSTOM)
    schema["properties"]["type"] = {
        "description": "Dot-separated words, none of the built-in types.",
        "type": "string",
        "maxLength": TYPE_LENGTH,
        "pattern": TYPE_PATTERN,
        "not": {"enum": list(BUILTIN_TYPES)},
        "examples": ["warehouse.synced"],
    }
    schema["properties"]["data"] = {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/free"},
    }
    return schema


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema with its references replaced by what they name, and unions told apart by oneOf."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {name: part for name, part in schema.items() if name != "$ref"}
        return _inlined({**definitions[schema["$ref"].rpartition("/")[2]], **rest}, definitions)
    if "discriminator" in schema:
        return {"oneOf": _inlined(schema["anyOf"], definitions)}
    return {name: _inlined(part, definitions) for name, part in schema.items()}


def _since_1990(pattern: str) -> str:
    return pattern.replace("^[0-9]{4}", "^(199[0-9]|[2-9][0-9]{3})", 1)


def _message_name(type: str) -> str:
    return type.replace(".", "_")


def _message(type: str, file: str) -> Schema:
    return {
        "name": type,
        "contentType": "application/json",
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./{file}"}},
    }


def _references(messages: Mapping[str, Any]) -> Schema:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
