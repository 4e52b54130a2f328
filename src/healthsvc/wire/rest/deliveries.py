"""What was sent to a webhook endpoint, and whether it arrived."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from healthsvc.wire.rest.shapes import ListAnswer, Told, example


class Attempt(Told):
    """One try to deliver."""

    attempt: int
    started_at: datetime
    seconds: Annotated[float, Field(description="How long the receiver took.")]
    status: Annotated[int | None, Field(description="HTTP status; null: no response.")]
    outcome: str
    response: Annotated[str, Field(description="The beginning of the response's body.")]


class Delivery(Told):
    """One message for one endpoint, and its attempts."""

    id: int
    message_id: str
    type: str
    customer_id: str | None
    state: Literal["pending", "delivered", "exhausted", "aborted"]
    attempt: Annotated[int, Field(description="Attempts made.")]
    created_at: datetime
    due_at: Annotated[datetime, Field(description="When the next attempt is due, while pending.")]
    finished_at: datetime | None
    attempts: list[Attempt]


class Deliveries(ListAnswer[Delivery]):
    """An endpoint's deliveries, newest first."""

    model_config = example(
        items=[
            {
                "id": 17,
                "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "type": "alert.raised",
                "customer_id": "acme",
                "state": "delivered",
                "attempt": 1,
                "created_at": "2026-11-20T09:29:58Z",
                "due_at": "2026-11-20T09:29:58Z",
                "finished_at": "2026-11-20T09:29:58.120Z",
                "attempts": [
                    {
                        "attempt": 1,
                        "started_at": "2026-11-20T09:29:58.010Z",
                        "seconds": 0.11,
                        "status": 204,
                        "outcome": "delivered",
                        "response": "",
                    }
                ],
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )
