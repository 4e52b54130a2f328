"""Scorecards and their versions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.problems import FieldProblem
from healthsvc.wire.rest.shapes import Asked, ListAnswer, Text, Told, example

Document = Annotated[
    dict[str, Any] | Text,
    Field(
        description=(
            "The scorecard: an object, or the same as YAML text. Its JSON Schema is"
            " schemas/scorecard.json."
        )
    ),
]
_SMALL_CARD: JsonDict = {
    "name": "small",
    "half_lives_days": [14, 56],
    "bands": {"healthy": 70, "critical": 0},
    "dimensions": {"engagement": 1},
    "measures": [
        {
            "name": "sessions",
            "feeds": [{"type": "session.started"}],
            "dimension": "engagement",
            "share": 1,
            "judge": {"kind": "target", "at": 4},
            "why": "People who sign in regularly find value.",
        }
    ],
}


class ScorecardCreate(Asked):
    """A scorecard to be kept as a new version, or only to be looked through."""

    model_config = example(document=_SMALL_CARD)

    document: Document


class ScorecardCheck(Told):
    """The scorecard can be published; `doubts` are what looks like a slip all the same."""

    model_config = example(
        name="small",
        doubts=[
            {
                "pointer": "/measures/0/feeds",
                "detail": "'sesion.started' is a type of your own; did you mean …?",
            },
        ],
    )

    name: str
    doubts: list[FieldProblem]


_VERSION: JsonDict = {
    "version": 2,
    "name": "small",
    "state": "live",
    "created_at": "2026-11-20T09:00:00Z",
    "created_by": "ops",
    "published_at": "2026-11-20T09:05:00Z",
    "override_reason": None,
}


class ScorecardVersion(Told):
    """A scorecard's version, without its document."""

    model_config = example(**_VERSION)

    version: int
    name: str
    state: Annotated[
        Literal["draft", "building", "shadow", "live", "retired"],
        Field(
            description=(
                "draft: never was live; building: about to be; shadow: scored beside the live one; "
                "retired: was live."
            )
        ),
    ]
    created_at: datetime
    created_by: str
    published_at: Annotated[
        datetime | None, Field(description="When it was live for the first time.")
    ]
    override_reason: Annotated[
        str | None,
        Field(description="Why it was published although the ship gate said no to its model."),
    ]


class ScorecardVersions(ListAnswer[ScorecardVersion]):
    """Versions, newest first."""

    model_config = example(items=[_VERSION], next_cursor=None, prev_cursor=None)


class Scorecard(ScorecardVersion):
    """A version with its document, which never changes."""

    model_config = example(
        **_VERSION, document=_SMALL_CARD, source="name: small\n…", reference=None
    )

    document: dict[str, Any]
    source: Annotated[str, Field(description="The document as it was given, as text.")]
    reference: Annotated[
        dict[str, Any] | None,
        Field(
            description=(
                "Where the customers stood when it was first published; null: it places nobody"
                " among others."
            )
        ),
    ] = None
