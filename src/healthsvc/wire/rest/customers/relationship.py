"""The shapes of loyalty, fit and touch of a customer."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.config import JsonValue

from healthsvc.wire.rest.shapes import Told

TierName = Literal["high", "low", "tech"]

EXAMPLE: dict[str, JsonValue] = {
    "loyalty": {
        "score": 61.25,
        "contributions": [
            {
                "part": "long_stay",
                "points": 18.3,
                "best": 20.0,
                "evidence": "first_event_at",
                "value": 668.0,
                "since": "2025-02-03T08:00:00Z",
                "why": "Two years show more than any answer: large customers leave after one.",
            }
        ],
        "plays": [{"because": "loyal", "play": "Thank them for their loyalty."}],
    },
    "icp": {
        "fit": 0.67,
        "reasons": [
            {
                "attribute": "industry",
                "value": "software",
                "matches": True,
                "weight": 2.0,
                "why": "They stay longest.",
            }
        ],
    },
    "touch": {
        "tier": "low",
        "suggested": "high",
        "agrees": False,
        "reasons": [
            {
                "reason": "use",
                "value": 5.2,
                "line": 3.0,
                "says": "uses the product 5.2 times a day (3 or more)",
            }
        ],
        "sentence": "Your systems say low touch; high touch is suggested: "
        "uses the product 5.2 times a day (3 or more).",
    },
}


class LoyaltyPart(Told):
    """One ground of loyalty; the points of all add up to it."""

    part: str
    points: float
    best: Annotated[
        float, Field(description="What it would give at best; 0 where it isn't known and left out.")
    ]
    evidence: Annotated[str, Field(description="The measure or fact that it was read from.")]
    value: Annotated[
        float | None,
        Field(
            description="Days stayed, events, an answer, or today's share of the habit; null: none."
        ),
    ]
    since: Annotated[datetime | None, Field(description="When that was said or happened last.")]
    why: str


class Play(Told):
    """What to do with a chance, and the flag or ground that it comes from."""

    because: str
    play: str


class LoyaltyTold(Told):
    """The second axis beside risk: long stay, repeat purchase, recommends. What the account pays
    counts for nothing."""

    score: Annotated[
        float | None, Field(ge=0, le=100, description="Null: too little evidence, or it has left.")
    ]
    contributions: list[LoyaltyPart]
    plays: Annotated[
        list[Play],
        Field(description="None while a flag caps the score: the relationship comes first."),
    ]


class FitReason(Told):
    """One condition of the ideal profile."""

    attribute: str
    value: Any
    matches: Annotated[
        bool | None, Field(description="Null: the attribute isn't known, so it is left out.")
    ]
    weight: float
    why: str


class FitTold(Told):
    """How well the customer matches the ideal profile of the scorecard's `icp`."""

    fit: Annotated[
        float | None,
        Field(ge=0, le=1, description="Null: no attribute is known, or none is asked for."),
    ]
    reasons: list[FitReason]


class TouchReason(Told):
    """A line that the customer reaches."""

    reason: Literal["spend", "use", "conversations"]
    value: float
    line: float
    says: str


class TouchTold(Told):
    """The touch tier that your systems say, and the one that spend, use and conversations suggest.
    It is never changed by us."""

    tier: TierName | None
    suggested: Annotated[
        TierName | None, Field(description="Null: nothing is known, or it has left.")
    ]
    agrees: Annotated[bool | None, Field(description="Null where either isn't known.")]
    reasons: list[TouchReason]
    sentence: Annotated[str | None, Field(description="The disagreement in words.")]
