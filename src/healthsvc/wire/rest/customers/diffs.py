"""How a score moved between two instants."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from healthsvc.wire.rest.customers.explanations import EvidenceEvent
from healthsvc.wire.rest.customers.overrides import OverrideInForce
from healthsvc.wire.rest.languages import Worded
from healthsvc.wire.rest.shapes import Instant, Told


class DiffAsked(Worded):
    """Between which instants, and in which language."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Annotated[Instant, Field(alias="from", description="The first instant.")]
    until: Annotated[
        Instant | None, Field(alias="to", description="The second instant; left out: now.")
    ] = None


class MeasureMoved(Told):
    """What one measure, cap or override moved."""

    measure: str
    points: float


class DiffPart(Told):
    """One reason of the change; the parts' points add up to it, and the measures' points to the
    part's."""

    kind: Annotated[
        Literal["new_events", "ageing", "late_data", "configuration", "override"],
        Field(
            description=(
                "late_data: happened before `from` and was counted after it; configuration: another"
                " version of the scorecard, or another variant of it because the customer's place"
                " changed."
            )
        ),
    ]
    points: float
    measures: list[MeasureMoved]
    events_total: int
    events: Annotated[list[EvidenceEvent], Field(description="The newest ten.")]


class DiffEnd(Told):
    """The score at one of the two instants."""

    at: datetime
    score: Annotated[float | None, Field(description="Null: not enough evidence.")]
    override: Annotated[
        OverrideInForce | None, Field(description="Somebody's own judgement in force then.")
    ]
    scorecard_version: Annotated[int, Field(description="The version that was live then.")]
    variant: Annotated[
        str | None,
        Field(description="The variant of the scorecard that judged; null: the scorecard itself."),
    ]


class Diff(Told):
    """How the score moved between two instants, and why; in words, too."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "acme",
                    "from": {
                        "at": "2026-11-01T00:00:00Z",
                        "score": 71.0,
                        "override": None,
                        "scorecard_version": 1,
                        "variant": None,
                    },
                    "to": {
                        "at": "2026-11-20T00:00:00Z",
                        "score": 45.0,
                        "override": None,
                        "scorecard_version": 1,
                        "variant": None,
                    },
                    "change": -26.0,
                    "compared_by": "counted",
                    "imported_at": None,
                    "parts": [
                        {
                            "kind": "ageing",
                            "points": -26.0,
                            "measures": [{"measure": "cap:silent", "points": -26.0}],
                            "events_total": 0,
                            "events": [],
                        }
                    ],
                    "sentence": (
                        "The health of Acme fell by 26 points, from 71 to 45, between 1 November"
                        " and 20 November: lost 26.0 through the passing of time (silence)."
                    ),
                }
            ]
        },
    )

    customer_id: str
    first: Annotated[DiffEnd, Field(alias="from", description="The first instant.")]
    last: Annotated[DiffEnd, Field(alias="to", description="The second instant.")]
    change: Annotated[float | None, Field(description="Null where either end has no score.")]
    compared_by: Annotated[
        Literal["counted", "occurred"],
        Field(
            description=(
                "counted: the score as it was told at each instant. occurred: the customer's past"
                " was imported after `from`, so that end is what had happened by then."
            )
        ),
    ]
    imported_at: Annotated[
        datetime | None,
        Field(description="When that past was imported; null unless it was after `from`."),
    ]
    parts: list[DiffPart]
    sentence: str
