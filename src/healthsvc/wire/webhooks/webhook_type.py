"""A webhook type: its name, its meaning, the dataclass of its data, an example, its one maker of
bodies.

The JSON Schema is derived from the dataclass: each field is `Annotated` with its own schema. A body
is made from an instance, so that nothing can be sent that isn't declared, and nothing declared can
be left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar, get_type_hints

from healthsvc.core.severity import SEVERITIES
from healthsvc.wire.webhooks import bodies

Schema: TypeAlias = dict[str, Any]
DataT = TypeVar("DataT")

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
NAMESPACE: Final = "urn:healthsvc:webhook:"

INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
SEVERITY: Final[Schema] = {"enum": [*SEVERITIES]}
SUMMARY: Final[Schema] = {**TEXT, "description": "One sentence for a person."}
FACTS: Final[Schema] = {"type": "object", "description": "The facts behind it."}
CUSTOMER: Final[Schema] = {**TEXT, "description": "The customer that it is about."}
SEQUENCE: Final[Schema] = {
    "type": "integer",
    "description": (
        "Numbers the changes of one customer, without gaps: a greater one was decided later."
    ),
}

CustomerId: TypeAlias = Annotated[str, CUSTOMER]
Sequence: TypeAlias = Annotated[int, SEQUENCE]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WebhookType(Generic[DataT]):
    """A type of webhook; two are the same only if they are one."""

    name: str
    title: str
    """What has happened, in a sentence."""
    example: DataT
    """What such a webhook says, for documents and tests."""
    narrowed: Mapping[str, Schema]
    """Schemas of fields that this type restricts further than the dataclass does: the states that
    it tells of."""
    is_change: bool = True
    """Whether the change feed has it: what was decided, not what became of deliveries."""

    def body(self, at: datetime, data: DataT) -> str:
        """The JSON of one message; `at` (aware) is when it happened."""
        # not `asdict`: it copies what the fields hold, and only the outermost names are ours
        content = {field.name: getattr(data, field.name) for field in fields(self.example)}  # type: ignore[arg-type]
        return bodies.body(self.name, at, content)

    def data_schemas(self) -> dict[str, Schema]:
        """The schema of each field of its data."""
        hints = get_type_hints(type(self.example), include_extras=True)
        return {
            name: self.narrowed.get(name) or hint.__metadata__[0] for name, hint in hints.items()
        }

    def schema(self) -> Schema:
        """The JSON Schema of the whole message."""
        data = self.data_schemas()
        return {
            "$schema": DIALECT,
            "$id": NAMESPACE + self.name,
            "title": self.title,
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": self.name},
                "timestamp": {**INSTANT, "description": "When it happened."},
                "data": {"type": "object", "required": list(data), "properties": data},
            },
        }


def webhook_type(
    name: str,
    title: str,
    example: DataT,
    narrowed: Mapping[str, Schema] | None = None,
    *,
    is_change: bool = True,
) -> WebhookType[DataT]:
    """Declare a type of webhook."""
    return WebhookType(
        name=name, title=title, example=example, narrowed=narrowed or {}, is_change=is_change
    )
