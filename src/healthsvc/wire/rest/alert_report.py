"""What came of the alerts of a period."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from healthsvc.wire.rest.exports import FormatAsked
from healthsvc.wire.rest.shapes import AnyShortText, Instant, Queried, Told, example


class AlertReportAsked(Queried):
    """Which period, and whose customers."""

    model_config = ConfigDict(populate_by_name=True)

    start: Annotated[
        Instant | None,
        Field(alias="from", description="Raised from here on. Default: 30 days before `to`."),
    ] = None
    end: Annotated[
        Instant | None, Field(alias="to", description="Raised before this. Default: now.")
    ] = None
    owner: Annotated[AnyShortText | None, Field(description="Only customers of this owner.")] = None
    format: FormatAsked = None


class AlertKindTold(Told):
    """What came of the alerts of one kind."""

    kind: str
    alerts: int
    waiting: Annotated[int, Field(description="Not resolved yet.")]
    condition_ended: Annotated[
        int, Field(description="Resolved because the condition ended, not by somebody.")
    ]
    acted_on: Annotated[int, Field(description="Somebody acknowledged or resolved it.")]
    median_hours_to_act: Annotated[
        float | None, Field(description="From raising to that; null: nobody acted on any.")
    ]
    outcomes: Annotated[dict[str, int], Field(description="How many have each outcome.")]
    false_alarm_share: Annotated[
        float | None, Field(description="Of those with an outcome; null: none has one.")
    ]
    customers: int
    customers_left: Annotated[int, Field(description="Of them, those that have left by now.")]


ALERT_REPORT_COLUMNS: Final = tuple(AlertKindTold.model_fields)


class AlertReport(Told):
    """Kinds by name."""

    model_config = example(
        **{"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"},
        items=[
            {
                "kind": "cancel_intent",
                "alerts": 14,
                "waiting": 2,
                "condition_ended": 3,
                "acted_on": 9,
                "median_hours_to_act": 5.5,
                "outcomes": {"false_alarm": 1, "saved": 4},
                "false_alarm_share": 0.2,
                "customers": 12,
                "customers_left": 2,
            }
        ],
        next_cursor=None,
    )

    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    items: list[AlertKindTold]
    next_cursor: Annotated[None, Field(description="Always null: all kinds are in one answer.")] = (
        None
    )
