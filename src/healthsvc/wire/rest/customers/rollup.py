"""The shapes of what is above and below a customer, and of the people there."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.config import JsonValue

from healthsvc.wire.rest.shapes import Told, example

ROLLUP_EXAMPLE: dict[str, JsonValue] = {
    "parent": None,
    "children": {
        "count": 3,
        "descendants": 5,
        "depth": 2,
        "complete": True,
        "left": 1,
        "score": 61.4,
        "weighted_by": "mrr",
        "worst_band": "at_risk",
        "worst": {
            "customer_id": "acme-fr",
            "name": "Acme France",
            "score": 38.2,
            "band": "at_risk",
            "depth": 1,
        },
    },
}


class Parent(Told):
    """The customer that the profile's `parent_id` names."""

    customer_id: str
    known: Annotated[bool, Field(description="Whether any event of it was counted.")]
    in_a_circle: Annotated[
        bool, Field(description="The parents lead back to this customer: one of them is wrong.")
    ]


class WorstChild(Told):
    """The customer below with the lowest score."""

    customer_id: str
    name: str | None
    score: float
    band: str | None
    depth: Annotated[int, Field(description="1 for a child, 2 for a child's child.")]


class Children(Told):
    """The customers below this one, down to five levels and at most 1,000, each evaluated now."""

    count: Annotated[int, Field(description="Children; their own children not included.")]
    descendants: Annotated[int, Field(description="All below.")]
    depth: Annotated[int, Field(description="How many levels there are.")]
    complete: Annotated[bool, Field(description="False: there are more than were looked at.")]
    left: Annotated[
        int, Field(description="Those that have left; they count in neither score nor worst.")
    ]
    score: Annotated[
        float | None,
        Field(description="Sum of MRR x score / sum of MRR; without any MRR, the plain mean."),
    ]
    weighted_by: Literal["mrr", "none"]
    worst_band: Annotated[str | None, Field(description="As last decided.")]
    worst: WorstChild | None


class Contact(Told):
    """A person at the customer, as the archive has it."""

    contact_id: str
    status: Annotated[
        Literal["active", "quiet", "seldom", "left"],
        Field(
            description=(
                "active: did something in the last 28 days; quiet: three things or more, and"
                " nothing since; seldom: fewer; left: a champion.left names them, and they did"
                " nothing since."
            )
        ),
    ]
    champion: Annotated[
        bool | None, Field(description="Null unless the attribute `champion` names somebody.")
    ]
    events: Annotated[int, Field(description="Things they did; what we did to them isn't counted.")]
    events_28_days: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    nps: Annotated[float | None, Field(description="Their last answer.")]
    nps_at: datetime | None
    contacted_at: Annotated[
        datetime | None, Field(description="When one of us spoke, or tried to speak, with them.")
    ]
    left_at: datetime | None


class Contacts(Told):
    """The people at a customer, the last seen first: at most 500, from the newest 10,000 events of
    a year."""

    model_config = example(
        items=[
            {
                "contact_id": "ada@example.com",
                "status": "quiet",
                "champion": True,
                "events": 214,
                "events_28_days": 0,
                "first_seen_at": "2026-01-12T08:00:00Z",
                "last_seen_at": "2026-10-02T15:21:00Z",
                "nps": 9.0,
                "nps_at": "2026-09-20T10:00:00Z",
                "contacted_at": "2026-09-02T10:00:00Z",
                "left_at": None,
            }
        ],
        next_cursor=None,
        since="2025-11-20T09:30:00Z",
        complete=True,
    )

    items: list[Contact]
    next_cursor: Annotated[None, Field(description="Always null: all are in one answer.")] = None
    since: Annotated[datetime, Field(description="Nothing older was looked at.")]
    complete: Annotated[bool, Field(description="False: there was more than was looked at.")]
