"""What the shapes of REST have in common: texts, instants, what is asked and told, lists in pages."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonValue

from healthsvc.wire.cursors import MAX_LENGTH as CURSOR_LENGTH
from healthsvc.wire.cursors import is_storable

ItemT = TypeVar("ItemT")
DEFAULT_LIMIT = 50
MAX_LIMIT = 250


def storable(said: str) -> str:
    if not is_storable(said):
        raise ValueError("must not contain U+0000 or lone surrogates")
    return said


def _within_reason(said: datetime) -> datetime:
    if not 1900 <= said.year <= 2200:
        raise ValueError("must be between the years 1900 and 2200")
    return said.astimezone(UTC)


Text = Annotated[str, AfterValidator(storable)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=512), AfterValidator(storable)]
Instant = Annotated[AwareDatetime, AfterValidator(_within_reason)]


class Asked(BaseModel):
    """What a client sends: a name that isn't known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Told(BaseModel):
    """What we answer; more members may come with later versions."""

    model_config = ConfigDict(from_attributes=True)


def example(**members: JsonValue) -> ConfigDict:
    """A model's configuration with its example for OpenAPI."""
    return ConfigDict(json_schema_extra={"examples": [members]})


class Paging(Asked):
    """How much of a list, and from where on."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None,
        Field(max_length=CURSOR_LENGTH, description="`next_cursor` or `prev_cursor` of an answer to the same filter."),
    ] = None


class Items(Told, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: Annotated[str | None, Field(description="Where the list goes on; null at its end.")] = None
    prev_cursor: Annotated[str | None, Field(description="The page before this one; null at the beginning.")] = None
