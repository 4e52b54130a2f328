"""How much a call is worth now."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Told

RANK_EXAMPLE: JsonDict = {
    "points": 88.7,
    "parts": [
        {"part": "money", "factor": 1.0, "value": 490.0},
        {"part": "urgency", "factor": 0.887, "value": "critical"},
        {"part": "chance", "factor": 1.0, "value": 0.0},
    ],
    "why": "Critical; began 30 minutes ago; low health; pays 490 a month; a good chance to keep"
    " them.",
}


class RankPart(Told):
    """One of the three factors of a rank."""

    part: Literal["money", "urgency", "chance"]
    factor: float
    value: Annotated[
        str | float | None,
        Field(
            description="MRR; the severity of the most urgent cause (null: the band alone); days"
            " since the customer's last act. Null: not known."
        ),
    ]


class RankTold(Told):
    """Money at stake x urgency x chance to save, times 100. It orders a list and is no probability.

    Money is 0.6 to 1.4: the square root of MRR over the median of those ranked. Urgency and chance
    are 0 to 1.
    """

    points: float
    parts: list[RankPart]
    why: Annotated[str, Field(description="The same in words.")]
