"""How fast a customer was served, as REST shows it."""

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Told

SUPPORT_EXAMPLE: JsonDict = {
    "days": 180,
    "tickets": 4,
    "answered": 4,
    "hours_to_first_answer": 2.5,
    "resolved": 3,
    "hours_to_resolution": 30.25,
}


class Support(Told):
    """Tickets that were opened within the last `days`, as far as the archive is read for it:
    seconds behind."""

    days: int
    tickets: int
    answered: int
    hours_to_first_answer: Annotated[
        float | None, Field(description="Mean; null: none was answered.")
    ]
    resolved: int
    hours_to_resolution: Annotated[
        float | None, Field(description="Mean, to the last resolution; null: none was.")
    ]
