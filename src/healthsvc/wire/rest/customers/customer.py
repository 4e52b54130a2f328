"""Customers, in a list and alone."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from healthsvc.wire.rest.customers.coverage import COVERAGE_EXAMPLE, CoverageTold
from healthsvc.wire.rest.customers.insights import DisagreementTold, Expansion
from healthsvc.wire.rest.customers.overrides import OverrideInForce
from healthsvc.wire.rest.customers.relationship import EXAMPLE, FitTold, LoyaltyTold, TouchTold
from healthsvc.wire.rest.customers.response_times import SUPPORT_EXAMPLE, Support
from healthsvc.wire.rest.customers.rollup import ROLLUP_EXAMPLE, Children, Parent
from healthsvc.wire.rest.customers.staleness import Stale
from healthsvc.wire.rest.customers.surveys import SURVEYS_EXAMPLE, Surveys
from healthsvc.wire.rest.data_quality import DATA_QUALITY_EXAMPLE, DataQuality
from healthsvc.wire.rest.shapes import Told
from healthsvc.wire.rest.worklist import CONTACT_EXAMPLE, ContactTold


class Customer(Told):
    """A customer's health, evaluated at the moment of asking."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "acme",
                    "profile": {
                        "name": "Acme Ltd",
                        "owner": "kim",
                        "tier": "low",
                        "mrr": 490.0,
                        "seats": 25,
                    },
                    "stage": "adoption",
                    "stage_because": "No rule of another stage applies.",
                    "score": 41.5,
                    "raw_score": 73.0,
                    "own_score": 41.5,
                    "override": None,
                    "band": "at_risk",
                    "band_since": "2026-11-20T09:29:58Z",
                    "risk": 0.585,
                    "risk_is": "ranking",
                    "risk_model": "prior",
                    "risk_horizon_days": 28.0,
                    "flags": ["cancel_intent"],
                    "flags_decided": ["cancel_intent"],
                    "coverage": 0.75,
                    "coverage_details": COVERAGE_EXAMPLE,
                    "evidence": "enough",
                    "expansion": {
                        "open": False,
                        "reasons": [
                            {
                                "reason": "red_flag",
                                "flag": "cancel_intent",
                                "since": "2026-11-20T09:29:57Z",
                                "why": (
                                    "Visited the cancellation page: the relationship is fragile."
                                ),
                            }
                        ],
                    },
                    "disagreements": [],
                    **EXAMPLE,
                    "surveys": SURVEYS_EXAMPLE,
                    **ROLLUP_EXAMPLE,
                    "stale": None,
                    "contact": CONTACT_EXAMPLE,
                    "data_quality": DATA_QUALITY_EXAMPLE,
                    "support": SUPPORT_EXAMPLE,
                    "events_total": 1204,
                    "first_event_at": "2025-02-03T08:00:00Z",
                    "last_event_at": "2026-11-20T09:29:57Z",
                    "evaluated_at": "2026-11-20T09:30:00Z",
                    "decided_at": "2026-11-20T09:29:58Z",
                    "scorecard_version": 1,
                    "variant": None,
                }
            ]
        },
    )

    customer_id: str
    profile: dict[str, Any]
    stage: Annotated[
        str,
        Field(
            description=(
                "Where it is in its life with us: as its own systems say, else by the scorecard's"
                " rules; churned freezes the score."
            )
        ),
    ]
    stage_because: Annotated[str, Field(description="Why it is in that stage.")]
    score: Annotated[float | None, Field(ge=0, le=100, description="Null: not enough evidence.")]
    raw_score: Annotated[float | None, Field(description="Before caps, and without an override.")]
    own_score: Annotated[
        float | None,
        Field(description="What the scorecard says, caps included, without an override."),
    ]
    override: Annotated[
        OverrideInForce | None,
        Field(description="Somebody's own judgement in force: who, why, until when."),
    ]
    band: Annotated[
        str | None,
        Field(description="As last decided, after hysteresis; null: not enough evidence."),
    ]
    band_since: datetime | None
    risk: float | None
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
        str | None, Field(description="Whose number it is: prior, a fitted model, or score.")
    ] = None
    risk_horizon_days: float | None = None
    flags: Annotated[list[str], Field(description="Those that hold now.")]
    flags_decided: Annotated[list[str], Field(description="Those that held when last decided.")]
    coverage: Annotated[
        float, Field(description="How much of the scorecard there is evidence for, 0 to 1.")
    ]
    coverage_details: Annotated[
        CoverageTold | None,
        Field(description="The same as low, medium or high, and what is missing."),
    ] = None
    evidence: Annotated[str, Field(description="enough or not_enough")]
    expansion: Annotated[
        Expansion, Field(description="Whether more may be offered now, and if not, why not.")
    ]
    disagreements: Annotated[
        list[DisagreementTold], Field(description="Where score and money disagree.")
    ]
    loyalty: LoyaltyTold
    icp: FitTold
    touch: TouchTold
    surveys: Annotated[
        Surveys | None, Field(description="What the people there answered to surveys.")
    ] = None
    events_total: Annotated[int, Field(description="Events counted for this customer, once each.")]
    first_event_at: datetime | None
    last_event_at: datetime | None
    evaluated_at: datetime
    decided_at: Annotated[
        datetime | None, Field(description="When band and flags were last decided.")
    ] = None
    scorecard_version: int
    variant: Annotated[
        str | None,
        Field(description="The variant of the scorecard that judged; null: the scorecard itself."),
    ] = None
    parent: Parent | None
    children: Annotated[Children | None, Field(description="Null: it is nobody's parent.")]
    support: Annotated[Support | None, Field(description="How fast we were when they asked.")] = (
        None
    )
    stale: Annotated[
        Stale | None, Field(description="Why the score isn't to be trusted now; null: it is.")
    ] = None
    contact: Annotated[
        ContactTold | None, Field(description="When to call, and how often it was.")
    ] = None
    data_quality: Annotated[DataQuality | None, Field(description="Bad data isn't no data.")] = None
