"""How much an alert is worth a call."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Told

RANK_EXAMPLE: JsonDict = {
    "points": 81.9,
    "parts": [
        {"part": "severity", "points": 50.0, "value": "critical"},
        {"part": "risk", "points": 11.6, "value": 0.58},
        {"part": "money", "points": 7.5, "value": 490.0},
        {"part": "freshness", "points": 12.8, "value": 1800.0},
    ],
    "why": "Critical; medium churn risk; pays 490 a month; began 30 minutes ago.",
}


class RankPart(Told):
    """What puts points into a rank."""

    part: Literal["severity", "risk", "money", "freshness", "spoken", "cap"]
    points: float
    value: Annotated[
        str | float | None,
        Field(description="The severity, risk, MRR, or age in seconds; null: not known."),
    ]


class RankTold(Told):
    """Points that add up: severity 5, 25 or 50; risk up to 20; money up to 15; freshness up to 15;
    -20 where somebody has spoken with them since; -30 where they were contacted as often as allowed
    (not for cancel intent)."""

    points: float
    parts: list[RankPart]
    why: Annotated[str, Field(description="The same in words.")]
