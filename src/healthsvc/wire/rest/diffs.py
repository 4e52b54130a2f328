"""How a score moved between two instants."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from healthsvc.wire.rest.explanations import EvidenceEvent
from healthsvc.wire.rest.shapes import Instant, Queried, Told


class DiffAsked(Queried):
    """Between which instants, and in which language."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Annotated[Instant, Field(alias="from", description="The first instant.")]
    until: Annotated[Instant | None, Field(alias="to", description="The second instant; left out: now.")] = None
    language: Annotated[Literal["en", "pt"], Field(description="Of the sentence.")] = "en"


class MeasureMoved(Told):
    """What one measure, cap or override moved."""

    measure: str
    points: float


class DiffPart(Told):
    """One reason of the change; the parts' points add up to it, and the measures' points to the part's."""

    kind: Annotated[
        Literal["new_events", "ageing", "late_data", "configuration", "override"],
        Field(
            description="late_data: happened before `from` and was counted after it; configuration: another version of "
            "the scorecard, or another variant of it because the customer's place changed."
        ),
    ]
    points: float
    measures: list[MeasureMoved]
    events_total: int
    events: Annotated[list[EvidenceEvent], Field(description="The newest ten.")]


class Diff(Told):
    """How the score moved between two instants, and why; in words, too."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "acme",
                    "from": {"at": "2026-11-01T00:00:00Z", "score": 71.0, "override": None, "scorecard_version": 1},
                    "to": {"at": "2026-11-20T00:00:00Z", "score": 45.0, "override": None, "scorecard_version": 1},
                    "change": -26.0,
                    "parts": [
                        {
                            "kind": "ageing",
                            "points": -26.0,
                            "measures": [{"measure": "cap:silent", "points": -26.0}],
                            "events_total": 0,
                            "events": [],
                        }
                    ],
                    "sentence": "The health of Acme fell by 26 points, from 71 to 45, between 1 November and "
                    "20 November: lost 26.0 through the passing of time (silence).",
                }
            ]
        },
    )

    customer_id: str
    change: Annotated[float | None, Field(description="Null where either end has no score.")]
    parts: list[DiffPart]
    sentence: str
