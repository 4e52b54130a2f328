"""Webhooks about the scorecard: another version judges from now on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from healthsvc.wire.webhooks.webhook_type import INSTANT, webhook_type


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedData:
    """Data of `scorecard.published`."""

    scorecard_version: Annotated[
        int, {"type": "integer", "minimum": 1, "description": "The version that judges now."}
    ]
    previous_version: Annotated[
        int, {"type": "integer", "minimum": 1, "description": "The version that judged until now."}
    ]
    published_at: Annotated[datetime, INSTANT]


PUBLISHED: Final = webhook_type(
    "scorecard.published",
    (
        "Another version of the scorecard judges from now on: scores, bands and flags may differ"
        " without any change of a customer."
    ),
    PublishedData(
        scorecard_version=2,
        previous_version=1,
        published_at=datetime(2026, 11, 20, 9, 29, 58, tzinfo=UTC),
    ),
)
