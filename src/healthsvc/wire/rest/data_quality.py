"""What came of a customer and couldn't be read, as REST shows it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Told

DATA_QUALITY_EXAMPLE: JsonDict = {
    "rejected": 12,
    "days": 30,
    "reasons": {"invalid": 12},
    "last_rejected_at": "2026-11-19T17:02:11Z",
}


class DataQuality(Told):
    """Events that named this customer and were set aside: its silence may be ours."""

    rejected: Annotated[
        int, Field(description="Within the last `days`, without those that were replayed since.")
    ]
    days: int
    reasons: Annotated[
        dict[str, int], Field(description="How many, by the reason of their dead letters.")
    ]
    last_rejected_at: datetime | None
