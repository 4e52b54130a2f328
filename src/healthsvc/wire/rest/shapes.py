"""What the shapes of REST have in common: texts, instants, what is asked and told, lists in
pages."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic.config import JsonValue

from healthsvc.core.instants import to_us
from healthsvc.wire.cursors import MAX_LENGTH as CURSOR_LENGTH
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.events.times import EPOCH, MICROSECOND, parse_instant

ItemT = TypeVar("ItemT")
DEFAULT_LIMIT = 50
MAX_LIMIT = 250


def storable(value: str) -> str:
    if not is_storable(value):
        raise ValueError("must not contain U+0000 or lone surrogates")
    return value


def _instant(value: object) -> object:
    """A text as an instant; what isn't text is left to the type, which refuses numbers."""
    if isinstance(value, datetime):
        return value
    us = parse_instant(value) if isinstance(value, str) else None
    if us is None:
        raise ValueError(
            "must be an RFC 3339 time with an offset or Z, such as 2026-05-04T09:30:00Z"
        )
    if not EARLIEST_US <= us < LATEST_US:
        raise ValueError("must be between the years 1900 and 2200")
    return EPOCH + us * MICROSECOND


def _matching(form: re.Pattern[str], rule: str) -> BeforeValidator:
    """Only texts of this form are read as the type; Python's own readings take more than a client
    may mean."""

    def check(value: object) -> object:
        if isinstance(value, str) and form.fullmatch(value) is None:
            raise ValueError(rule)
        return value

    return BeforeValidator(check)


EARLIEST_US: Final = to_us(datetime(1900, 1, 1, tzinfo=UTC))
LATEST_US: Final = to_us(datetime(2201, 1, 1, tzinfo=UTC))

Text = Annotated[str, AfterValidator(storable)]
ShortText = Annotated[
    str, StringConstraints(min_length=1, max_length=512), AfterValidator(storable)
]
AnyShortText = Annotated[str, StringConstraints(max_length=512), AfterValidator(storable)]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant),
    Field(json_schema_extra={"pattern": "^(19[0-9]{2}|2[01][0-9]{2}|2200)-"}),
]
Whole = Annotated[int, _matching(re.compile(r"-?[0-9]{1,20}"), "must be a whole number")]
"""A whole number in a path or a query."""
Number = Annotated[
    float,
    _matching(
        re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"), "must be a number"
    ),
]
"""A number in a query."""
Switch = Annotated[bool, _matching(re.compile("true|false"), "must be true or false")]
"""Yes or no in a query."""


class Asked(BaseModel):
    """What a client sends: a name that isn't known is refused, not ignored, and so is a value of
    another type."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class Queried(Asked):
    """What a client sends in a query, where every value is text: `Whole`, `Number` and `Switch` say
    which is meant."""

    model_config = ConfigDict(strict=False)


class Told(BaseModel):
    """What we answer; more members may come with later versions."""

    model_config = ConfigDict(from_attributes=True)


def example(**members: JsonValue) -> ConfigDict:
    """A model's configuration with its example for OpenAPI."""
    return ConfigDict(json_schema_extra={"examples": [members]})


class Paging(Queried):
    """How much of a list, and from where on."""

    limit: Annotated[Whole, Field(ge=1, le=MAX_LIMIT, description="How many items at most.")] = (
        DEFAULT_LIMIT
    )
    cursor: Annotated[
        str | None,
        Field(
            max_length=CURSOR_LENGTH,
            description="`next_cursor` or `prev_cursor` of an answer to the same filter.",
        ),
    ] = None


class ListAnswer(Told, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: Annotated[
        str | None, Field(description="Where the list goes on; null at its end.")
    ] = None
    prev_cursor: Annotated[
        str | None, Field(description="The page before this one; null at the beginning.")
    ] = None
