"""Customers that pay for features which they don't use."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.core.instants import from_us
from healthsvc.wire.rest.exports import FormatAsked
from healthsvc.wire.rest.shapes import (
    AnyShortText,
    ListAnswer,
    Paging,
    ShortText,
    Switch,
    Told,
    Whole,
    example,
)

_CUSTOMER: JsonDict = {
    "customer_id": "acme",
    "name": "Acme Ltd",
    "owner": "kim",
    "segment": "smb",
    "tier": "low",
    "stage": "adoption",
    "band": "watch",
    "owned": 12,
    "never_used": ["exports", "sso"],
    "idle": ["reports"],
    "told_at": "2026-09-01T08:00:00Z",
}


class UnusedFeaturesAsked(Paging):
    """Which customers, and what counts as unused."""

    owner: Annotated[AnyShortText | None, Field(description="Only customers of this owner.")] = None
    segment: Annotated[ShortText | None, Field(description="Only this segment.")] = None
    tier: Annotated[
        Literal["high", "low", "tech"] | None, Field(description="Only this touch tier.")
    ] = None
    feature: Annotated[
        ShortText | None,
        Field(description="Only customers that pay for this one without using it."),
    ] = None
    idle: Annotated[
        Switch,
        Field(description="List customers, too, that used all of theirs, but some not lately."),
    ] = False
    idle_days: Annotated[
        Whole,
        Field(ge=1, le=3650, description="A feature is idle when its last use is older than this."),
    ] = 90
    format: FormatAsked = None


class CustomerWithUnused(Told):
    """A customer, and what it pays for without using it."""

    customer_id: str
    name: str | None
    owner: str | None
    segment: str | None
    tier: str | None
    stage: str
    band: Annotated[str | None, Field(description="As last decided.")]
    owned: Annotated[int, Field(description="Features that its profile names.")]
    never_used: list[str]
    idle: Annotated[list[str], Field(description="Used, and not within the last `idle_days`.")]
    told_at: Annotated[
        datetime, Field(description="When the profile last said what the plan includes.")
    ]


UNUSED_COLUMNS: Final = tuple(CustomerWithUnused.model_fields)
"""Of CSV."""


class CustomersWithUnused(ListAnswer[CustomerWithUnused]):
    """Customers by id."""

    model_config = example(
        items=[_CUSTOMER],
        next_cursor=None,
        prev_cursor=None,
        kept_from=None,
        as_of="2026-12-01T09:00:00Z",
    )

    kept_from: Annotated[
        datetime | None,
        Field(
            description="Events before this aren't all kept: a feature used only then seems never"
            " used. Null: all are."
        ),
    ]
    as_of: Annotated[
        datetime | None, Field(description="Everything logged up to here is in the answer.")
    ]


def to_customer(customer: Any) -> CustomerWithUnused:
    """The shape of a customer as the store has it."""
    told = {
        name: getattr(customer, name)
        for name in CustomerWithUnused.model_fields
        if name != "told_at"
    }
    return CustomerWithUnused(**told, told_at=from_us(customer.told_us))
