"""Dead letters, and their second chance."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.problems import FieldProblem
from healthsvc.wire.rest.shapes import Asked, ListAnswer, Paging, ShortText, Switch, Told, example


class DeadLetterFilter(Paging):
    """Which dead letters."""

    reason: Annotated[
        ShortText | None, Field(description="Only those set aside for this reason.")
    ] = None
    replayed: Annotated[
        Switch | None, Field(description="Only those that were replayed, or weren't.")
    ] = None


_LETTER: JsonDict = {
    "id": 5,
    "origin": "kafka",
    "topic": "healthsvc.events",
    "partition": 2,
    "position": 9713,
    "raw": '{"id": "e-9", "type": "survey.answered"}',
    "raw_encoding": "utf-8",
    "raw_bytes": 40,
    "headers": {},
    "reason": "invalid",
    "errors": [{"pointer": "/source", "detail": "is missing"}],
    "created_at": "2026-11-20T09:29:58Z",
    "replayed_at": None,
}


class DeadLetter(Told):
    """A record that couldn't be read as an event."""

    model_config = example(**_LETTER)

    id: int
    origin: Annotated[
        str,
        Field(
            description="kafka, table, http, or archive: an event that a later step could not read"
        ),
    ]
    topic: str | None
    partition: int
    position: Annotated[
        int, Field(description="Kafka offset, or position in the table or in the archive.")
    ]
    raw: Annotated[
        str | None, Field(description="What was received; null beyond the cap of kept bytes.")
    ]
    raw_encoding: Literal["utf-8", "base64"]
    raw_bytes: int
    headers: dict[str, Any]
    reason: str
    errors: list[FieldProblem]
    created_at: datetime
    replayed_at: datetime | None


class DeadLetters(ListAnswer[DeadLetter]):
    """Dead letters, newest first."""

    model_config = example(items=[_LETTER], next_cursor=None, prev_cursor=None)


class ReplayOne(Asked):
    """A dead letter's second try; with `event`, that is taken instead of what was received."""

    model_config = example(
        event={
            "id": "e-9",
            "source": "site",
            "type": "survey.answered",
            "customer_id": "acme",
            "occurred_at": "2026-11-20T09:29:57Z",
            "data": {"survey": "nps", "score": 9},
        }
    )

    event: Annotated[dict[str, Any] | None, Field(description="The corrected event.")] = None


class ReplayMany(Asked):
    """Which dead letters to try again: by id, by reason, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "invalid"}],
            "anyOf": [
                {"required": ["reason"], "properties": {"reason": {"type": "string"}}},
                {"required": ["ids"], "properties": {"ids": {"type": "array"}}},
            ],
        }
    )

    reason: ShortText | None = None
    ids: Annotated[
        list[Annotated[int, Field(ge=1, lt=2**63)]] | None, Field(min_length=1, max_length=500)
    ] = None
    after: Annotated[
        int,
        Field(ge=0, lt=2**63, description="Only letters above this id: an answer's `next_after`."),
    ] = 0


class ReplayResult(Told):
    """What became of one dead letter."""

    id: int
    status: Annotated[
        Literal["replayed", "already_replayed", "rejected", "not_found"],
        Field(description="rejected: still not an event; it stays a dead letter."),
    ]
    event_id: str | None = None
    errors: list[FieldProblem] = []


class ReplayResults(Told):
    """A result per dead letter. What was replayed is in the log."""

    model_config = example(
        results=[{"id": 5, "status": "replayed", "event_id": "e-9", "errors": []}],
        position="1-88",
        next_after=None,
    )

    results: list[ReplayResult]
    position: Annotated[str | None, Field(description="Where they stand in the log now.")]
    next_after: Annotated[
        int | None,
        Field(
            description=(
                "More dead letters wait: ask again with this as `after`. Null: that was all."
            )
        ),
    ] = None
