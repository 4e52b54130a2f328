"""The signs that readings, disagreements and briefings rest on, as REST shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from healthsvc.wire.rest.shapes import Told

ReadingName = Literal["doubts_the_cost", "right_size", "budget_review", "thinks_of_an_upgrade"]


class Sign(Told):
    """A single thing that is known and says something."""

    sign: str
    measure: Annotated[
        str, Field(description="The measure, fact or page kind that it was read from.")
    ]
    value: Annotated[
        float, Field(description="A share, an answer, a count or an amount, as the sign has it.")
    ]
    says: Annotated[str, Field(description="The same in words, in the language asked for.")]
    since: Annotated[datetime, Field(description="When it was last said or began.")]
