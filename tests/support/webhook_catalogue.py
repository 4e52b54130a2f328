"""The catalogue of webhook types in docs/webhooks.md, derived from their schemas."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from healthsvc.wire.webhooks.registry import all_schemas
from tests.support.markdown import table


def render() -> str:
    """All types with their meaning and the fields of `data`."""
    schemas = all_schemas()
    rows = [
        (f"`{name}`", schema["title"], ", ".join(f"`{field}`" for field in _fields(schema)))
        for name, schema in schemas.items()
    ]
    return table(("Type", "Sent when", "Fields of `data`"), rows)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with no property allowed in `data` but those that it declares."""
    strict = deepcopy(schema)
    strict["properties"]["data"]["additionalProperties"] = False
    return strict


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema["properties"]["data"]["properties"]
