"""A customer's past: recorded decisions, and its events."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from healthsvc.wire.rest.shapes import Instant, ListAnswer, Paging, ShortText, Told, example


class HistoryFilter(Paging):
    """Which part of a customer's history."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    after: Annotated[Instant | None, Field(alias="from", description="From this instant on.")] = (
        None
    )
    before: Annotated[
        Instant | None, Field(alias="to", description="Up to this instant, itself not included.")
    ] = None


class HistoryEntry(Told):
    """A recorded decision."""

    decided_at: datetime
    score: float | None
    risk: float | None
    band: str | None
    flags: list[str]
    cause: Annotated[
        str,
        Field(
            description=(
                "events, ageing, import, scorecard (another version is live), variant (its place"
                " changed, so another variant judges)"
            )
        ),
    ]
    scorecard_version: int


class History(ListAnswer[HistoryEntry]):
    """Recorded decisions, newest first."""

    model_config = example(
        items=[
            {
                "decided_at": "2026-11-20T09:29:58Z",
                "score": 41.5,
                "risk": 0.38,
                "band": "at_risk",
                "flags": ["cancel_intent"],
                "cause": "events",
                "scorecard_version": 1,
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )


class TimelineFilter(Paging):
    """Which events of a customer."""

    type: Annotated[
        ShortText | None, Field(description="Only events of this type, for example `page.viewed`.")
    ] = None


class TimelineEntry(Told):
    """An event as it was received, and the day on which it entered the log."""

    occurred_at: datetime
    logged_on: date
    event: dict[str, Any]


class Timeline(ListAnswer[TimelineEntry]):
    """A customer's events, newest first."""

    model_config = example(
        items=[
            {
                "occurred_at": "2026-11-20T09:29:57Z",
                "logged_on": "2026-11-20",
                "event": {
                    "id": "e-1",
                    "source": "site",
                    "type": "page.viewed",
                    "customer_id": "acme",
                    "occurred_at": "2026-11-20T09:29:57Z",
                    "data": {"url": "https://example.com/account/cancel"},
                },
            }
        ],
        next_cursor=None,
        prev_cursor=None,
    )
