"""Somebody's own judgement of a customer's health."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from healthsvc.wire.rest.shapes import Asked, Instant, ListAnswer, Told, example, storable


class OverrideCreate(Asked):
    """Somebody's own judgement of a customer's health."""

    model_config = example(
        score=80,
        reason="They renewed by phone; the paper follows",
        expires_at="2026-12-31T00:00:00Z",
        author="kim",
    )

    score: Annotated[float, Field(ge=0, le=100)]
    reason: Annotated[
        str, StringConstraints(min_length=1, max_length=2000), AfterValidator(storable)
    ]
    expires_at: Instant
    author: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]
        | None,
        Field(description="Left out: the API key's name."),
    ] = None


class OverrideLift(Asked):
    """Who ends an override, and why."""

    model_config = example(author="kim", reason="The paper is here")

    author: (
        Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]
        | None
    ) = None
    reason: Annotated[str, StringConstraints(max_length=2000), AfterValidator(storable)] | None = (
        None
    )


class OverrideAccepted(Told):
    """The override is an event in the log; it counts as soon as that is read."""

    model_config = example(event_id="ov_5f1c", position="3-1234")

    event_id: str
    position: str


class OverrideInForce(Told):
    """Somebody's own judgement that stands in place of the score."""

    score: float
    reason: str
    author: str
    set_at: datetime
    expires_at: datetime
    event_id: Annotated[str, Field(description="The event that set it.")]
    source: Annotated[str, Field(description="The source of that event.")]


class OverrideRecord(Told):
    """One author's overrides against what became of the customers."""

    author: str
    overrides: int
    raised: Annotated[int, Field(description="Set above the score that stood.")]
    lowered: int
    left: Annotated[int, Field(description="The customer left within 180 days.")]
    right: Annotated[int, Field(description="Lowered and it left, or raised and it stayed.")]
    wrong: Annotated[int, Field(description="Raised and it left, or lowered and it stayed.")]
    open: Annotated[int, Field(description="Too early to tell.")]
    unknown: Annotated[int, Field(description="There was no score to compare with.")]


class OverrideRecords(ListAnswer[OverrideRecord]):
    """Authors, the busiest first."""

    model_config = example(
        items=[
            {
                "author": "kim",
                "overrides": 12,
                "raised": 9,
                "lowered": 3,
                "left": 4,
                "right": 6,
                "wrong": 3,
                "open": 3,
                "unknown": 0,
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )
