"""Why a score is what it is."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, WithJsonSchema
from pydantic.config import JsonDict

from healthsvc.wire.rest.customers.coverage import COVERAGE_EXAMPLE, CoverageTold
from healthsvc.wire.rest.customers.insights import DisagreementTold, HelpWanted, PriceReview
from healthsvc.wire.rest.customers.overrides import OverrideInForce
from healthsvc.wire.rest.customers.staleness import Stale
from healthsvc.wire.rest.data_quality import DATA_QUALITY_EXAMPLE, DataQuality
from healthsvc.wire.rest.languages import Worded
from healthsvc.wire.rest.shapes import Instant, Told, example
from healthsvc.wire.rest.sparse import FieldsAsked


class EvidenceEvent(Told):
    """An event that made a contribution."""

    id: str
    source: str
    type: str
    occurred_at: Annotated[datetime, WithJsonSchema({"type": "string"})]


class Contribution(Told):
    """How many points one measure, or one cap, puts into the score."""

    measure: Annotated[
        str,
        Field(description="The measure, `cap:` with the flag that caps, or what else moves it."),
    ]
    dimension: str
    points: float
    best: Annotated[float, Field(description="The points that it would put in at best.")]
    events: Annotated[list[EvidenceEvent], Field(description="The newest three.")]
    why: Annotated[str, Field(description="Why it counts, in the language asked for.")]


class RiskContribution(Told):
    """How much one feature of the risk model adds to the log-odds of the reference customer."""

    feature: str
    log_odds: float


class ExplanationAsked(Worded):
    """As of when, and in which language."""

    at: Annotated[
        Instant | None, Field(description="A past instant: the explanation that was given then.")
    ] = None
    fields: FieldsAsked = []


_EXAMPLE: JsonDict = {
    "customer_id": "acme",
    "score": 41.5,
    "raw_score": 41.5,
    "own_score": 41.5,
    "override": None,
    "risk": 0.585,
    "risk_is": "ranking",
    "risk_model": "prior",
    "risk_horizon_days": 28.0,
    "risk_reference_log_odds": 1.0,
    "risk_contributions": [{"feature": "log_count act 28d", "log_odds": -0.6565}],
    "risk_raised": False,
    "flags": [],
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
            "why": (
                "Adoption is frequency: usage that falls below the customer's own habit comes"
                " before leaving."
            ),
        }
    ],
    "sentence": (
        "The health of Acme Ltd is 42 out of 100. The frequency of feature use weighs on it the"
        " most."
    ),
    "coverage_details": COVERAGE_EXAMPLE,
    "price_review": None,
    "help_wanted": None,
    "disagreements": [],
    "evaluated_at": "2026-11-20T09:30:00Z",
    "scorecard_version": 1,
    "variant": None,
    "stale": None,
    "data_quality": DATA_QUALITY_EXAMPLE,
}


class Explanation(Told):
    """Why the score is what it is; the points add up to it, caps included."""

    model_config = example(**_EXAMPLE)

    customer_id: str
    score: float | None
    raw_score: Annotated[float | None, Field(description="Before caps, and without an override.")]
    own_score: Annotated[
        float | None,
        Field(description="What the scorecard says, caps included, without an override."),
    ]
    override: Annotated[
        OverrideInForce | None,
        Field(description="Somebody's own judgement in force; null: there is none."),
    ]
    risk: Annotated[float | None, Field(description="Null: not enough evidence, or it has left.")]
    risk_is: Annotated[
        str,
        Field(
            description=(
                "ranking (good for sorting, not a probability), probability_of_silence or"
                " churn_probability, over risk_horizon_days."
            )
        ),
    ]
    risk_model: Annotated[
        str, Field(description="Whose number it is: prior, a fitted model, or score.")
    ]
    risk_horizon_days: Annotated[
        float | None, Field(description="Null where the risk is read from the score.")
    ]
    risk_reference_log_odds: Annotated[
        float | None,
        Field(
            description=(
                "The log-odds of the reference customer; with `risk_contributions` they add up to"
                " the risk's. Left out, like these, where no model gives the risk or there is none."
            )
        ),
    ] = None
    risk_contributions: Annotated[
        list[RiskContribution] | None,
        Field(description="The features of the model, the strongest first."),
    ] = None
    risk_raised: Annotated[
        bool | None,
        Field(
            description=(
                "An exception of the scorecard raises the risk above what its parts add up to."
            )
        ),
    ] = None
    flags: Annotated[list[str], Field(description="Those that hold at that instant.")]
    contributions: list[Contribution]
    sentence: Annotated[str, Field(description="The same in words, in the language asked for.")]
    coverage_details: Annotated[
        CoverageTold | None,
        Field(description="How much of the scorecard there is evidence for, and what is missing."),
    ] = None
    price_review: Annotated[
        PriceReview | None,
        Field(description="The readings of a pricing page; null: nobody looks at prices."),
    ] = None
    help_wanted: Annotated[
        HelpWanted | None,
        Field(description="The features that help is looked for with; null: it isn't."),
    ] = None
    disagreements: Annotated[
        list[DisagreementTold], Field(description="Where score and money disagree.")
    ] = []
    evaluated_at: Annotated[
        datetime, Field(description="As of when: the moment of asking, or `at`.")
    ]
    scorecard_version: int | None = None
    variant: Annotated[
        str | None,
        Field(description="The variant of the scorecard that judged; null: the scorecard itself."),
    ] = None
    stale: Annotated[
        Stale | None, Field(description="Why the score isn't to be trusted now; null: it is.")
    ] = None
    data_quality: Annotated[DataQuality | None, Field(description="Bad data isn't no data.")] = None

    def left_out(self) -> frozenset[str]:
        """The members that aren't answered: the parts of the risk, where no model gives it."""
        return RISK_PARTS if self.risk_contributions is None else frozenset()


RISK_PARTS: Final = frozenset(("risk_reference_log_odds", "risk_contributions", "risk_raised"))
