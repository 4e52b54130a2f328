"""How much is known of a customer, in answers."""

from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Told

COVERAGE_EXAMPLE: Final[JsonDict] = {
    "share": 0.52,
    "level": "medium",
    "missing": [
        {
            "measure": "nps",
            "dimension": "sentiment",
            "share": 0.16,
            "types": ["survey.answered"],
        }
    ],
    "sentence": "Part of the picture is known: 52% of the scorecard. No data yet on the NPS score.",
}


class MissingMeasure(Told):
    """A measure that nothing is known of."""

    measure: str
    dimension: str
    share: Annotated[float, Field(description="Of the scorecard's weight, 0 to 1.")]
    types: Annotated[
        list[str], Field(description="Send events of these types and it will be known.")
    ]


class CoverageTold(Told):
    """How much of the scorecard there is evidence for, and what is missing."""

    share: Annotated[float, Field(description="Of the scorecard's weight, 0 to 1.")]
    level: Annotated[
        Literal["low", "medium", "high"],
        Field(description="By the scorecard's `coverage_levels`."),
    ]
    missing: Annotated[list[MissingMeasure], Field(description="The heaviest first.")]
    sentence: Annotated[str, Field(description="The same in words.")]
