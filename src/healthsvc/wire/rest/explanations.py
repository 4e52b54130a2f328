"""Why a score is what it is."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from healthsvc.wire.rest.data_quality import DataQuality
from healthsvc.wire.rest.field import DisagreementTold, HelpWanted, PriceReview
from healthsvc.wire.rest.shapes import Instant, Queried, Told
from healthsvc.wire.rest.stale import Stale


class EvidenceEvent(Told):
    """An event that made a contribution."""

    id: str
    source: str
    type: str
    occurred_at: str


class Contribution(Told):
    """How many points one measure, or one cap, puts into the score."""

    model_config = ConfigDict(extra="allow")

    measure: str
    dimension: str
    points: float
    events: list[EvidenceEvent]


class ExplanationAsked(Queried):
    """As of when, and in which language."""

    at: Annotated[Instant | None, Field(description="A past instant: the explanation that was given then.")] = None
    language: Annotated[Literal["en", "pt"], Field(description="Of the sentence.")] = "en"


class Explanation(Told):
    """Why the score is what it is; the points add up to it, caps included."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "acme",
                    "score": 41.5,
                    "contributions": [
                        {
                            "measure": "feature_use",
                            "dimension": "adoption",
                            "points": 41.5,
                            "best": 60.0,
                            "events": [
                                {
                                    "id": "e-1",
                                    "source": "app",
                                    "type": "feature.used",
                                    "occurred_at": "2026-11-20T09:29:57Z",
                                }
                            ],
                            "why": "Used 12 times in 14 days.",
                        }
                    ],
                }
            ]
        },
    )

    score: float | None
    contributions: list[Contribution]
    price_review: Annotated[
        PriceReview | None, Field(description="The three readings of a pricing page; null: nobody looks at prices.")
    ] = None
    help_wanted: Annotated[
        HelpWanted | None, Field(description="The functions that help is looked for with; null: it isn't.")
    ] = None
    disagreements: Annotated[list[DisagreementTold], Field(description="Where score and money disagree.")] = []
    scorecard_version: int | None = None
    variant: Annotated[
        str | None, Field(description="The variant of the scorecard that judged; null: the scorecard itself.")
    ] = None
    data_quality: Annotated[DataQuality | None, Field(description="Bad data isn't no data.")] = None
    stale: Annotated[Stale | None, Field(description="Why the score isn't to be trusted now; null: it is.")] = None
