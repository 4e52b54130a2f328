"""The shapes of a customer's features by name, as REST shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Told

EXAMPLE: JsonDict = {
    "customer_id": "acme",
    "names_known": True,
    "told_at": "2026-09-01T08:00:00Z",
    "items": [
        {
            "name": "exports",
            "owned": True,
            "use": "never_used",
            "first_used_at": None,
            "last_used_at": None,
        },
        {
            "name": "reports",
            "owned": True,
            "use": "used",
            "first_used_at": "2026-03-02T10:12:00Z",
            "last_used_at": "2026-11-30T16:40:00Z",
        },
    ],
    "unnamed_used": 0,
    "kept_from": None,
    "as_of": "2026-12-01T09:00:00Z",
}


class FeaturesAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    idle_days: Annotated[
        int,
        Field(ge=1, le=3650, description="A feature is idle when its last use is older than this."),
    ] = 90


class CustomerFeature(Told):
    """One feature of the customer's plan, or one that it used without."""

    name: str
    owned: Annotated[bool, Field(description="Whether the newest profile names it.")]
    use: Annotated[
        Literal["used", "idle", "never_used"],
        Field(description="`idle`: used once, and not within the last `idle_days`."),
    ]
    first_used_at: datetime | None
    last_used_at: datetime | None


class CustomerFeatures(Told):
    """What a customer pays for and uses; the never used come first, then the idle."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    customer_id: str
    names_known: Annotated[
        bool,
        Field(
            description="False: the profile has no names in `features_owned`, so nothing can be"
            " said of features that were never used."
        ),
    ]
    told_at: Annotated[
        datetime | None, Field(description="When the profile last said what the plan includes.")
    ]
    items: list[CustomerFeature]
    unnamed_used: Annotated[
        int, Field(description="Features used before names were kept, and not since.")
    ]
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
