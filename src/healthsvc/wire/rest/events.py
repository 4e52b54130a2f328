"""Events in, as REST answers them."""

from typing import Annotated, Literal

from pydantic import Field

from healthsvc.wire.rest.problems import FieldProblem
from healthsvc.wire.rest.shapes import Told, example


class EventResult(Told):
    """What became of one event."""

    index: Annotated[int, Field(description="Its place in the request, from 0.")]
    id: Annotated[
        str | None, Field(description="The event's id; null if it has none that could be read.")
    ]
    status: Literal["accepted", "duplicate", "rejected"]
    errors: list[FieldProblem] = []


class EventResults(Told):
    """A result per event, in their order. What was accepted is durable."""

    model_config = example(
        results=[
            {"index": 0, "id": "e-1", "status": "accepted", "errors": []},
            {
                "index": 1,
                "id": "e-2",
                "status": "rejected",
                "errors": [{"pointer": "/data/score", "detail": "must be between 0 and 10"}],
            },
        ],
        position="3-1234",
    )

    results: list[EventResult]
    position: Annotated[
        str | None,
        Field(
            description=(
                "Where the accepted events stand in the log, `partition-position`, joined by"
                " commas."
            )
        ),
    ]
