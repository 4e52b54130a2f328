"""What is most worth a call, with why, when and what to know."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from healthsvc.wire.cursors import MAX_LENGTH as CURSOR_LENGTH
from healthsvc.wire.rest.alerts import ALERT_EXAMPLE, Alert
from healthsvc.wire.rest.briefings import Briefing, PriceBriefing
from healthsvc.wire.rest.data_quality import DATA_QUALITY_EXAMPLE, DataQuality
from healthsvc.wire.rest.exports import FormatAsked
from healthsvc.wire.rest.languages import Worded
from healthsvc.wire.rest.ranks import RANK_EXAMPLE, RankTold
from healthsvc.wire.rest.shapes import MAX_LIMIT, AnyShortText, ListAnswer, Told, Whole, example
from healthsvc.wire.rest.sparse import FieldsAsked

CONTACT_EXAMPLE: JsonDict = {
    "timezone": "Europe/Berlin",
    "timezone_from": "profile",
    "windows": [{"from": "08:00", "to": "10:00"}, {"from": "15:00", "to": "17:00"}],
    "windows_from": "activity",
    "peak_hours": [10, 11],
    "hours_as_of": "2026-11-20T09:24:11Z",
    "next_window_at": "2026-11-20T15:00:00+01:00",
    "contacts": 1,
    "contacts_in_days": 7,
    "cap": 2,
    "over_cap": False,
    "last_contact_at": "2026-11-17T09:12:00Z",
}


class ContactWindow(Told):
    """Hours of the customer's own day."""

    model_config = ConfigDict(populate_by_name=True)

    begin: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]


class ContactTold(Told):
    """When to call: while they are there and not at their busiest; and whether it was often enough
    already."""

    timezone: str
    timezone_from: Literal["profile", "default"]
    windows: Annotated[
        list[ContactWindow], Field(description="Working days, in `timezone`, the best first.")
    ]
    windows_from: Annotated[
        Literal["activity", "default"],
        Field(description="default: too little activity to know their hours."),
    ]
    peak_hours: Annotated[
        list[int], Field(description="Hours at which they are busiest; don't disturb.")
    ]
    hours_as_of: Annotated[
        datetime,
        Field(description="When their activity was read for that: at most ten minutes ago."),
    ]
    next_window_at: Annotated[datetime, Field(description="Now, if a window is open.")]
    contacts: Annotated[
        int | None,
        Field(
            description=(
                "Within `contacts_in_days`, 3 at most; null: the scorecard doesn't count them."
            )
        ),
    ]
    contacts_in_days: int
    cap: int
    over_cap: bool
    last_contact_at: datetime | None


class WorklistAsked(Worded):
    """Whose list, and how long."""

    limit: Annotated[
        Whole | None,
        Field(
            ge=1, le=MAX_LIMIT, description="How many customers; without: HEALTHSVC_CALLS_A_DAY."
        ),
    ] = None
    cursor: Annotated[
        str | None, Field(max_length=CURSOR_LENGTH, description="As of any list.")
    ] = None
    owner: Annotated[
        AnyShortText | None,
        Field(description="Only customers of this owner; without: everybody's."),
    ] = None
    fields: FieldsAsked = []
    format: FormatAsked = None


_ITEM: JsonDict = {
    "customer_id": "acme",
    "name": "Acme Ltd",
    "owner": "kim",
    "tier": "high",
    "rank": RANK_EXAMPLE,
    "alert": ALERT_EXAMPLE,
    "other_alerts": 1,
    "contact": CONTACT_EXAMPLE,
    "data_quality": DATA_QUALITY_EXAMPLE,
    "summary": "Acme Ltd: visited the cancellation page. Call within the hour.",
    "band": "critical",
    "briefing": {
        "happened": [
            {
                "flag": "cancel_intent",
                "title": "Visited the cancellation page",
                "since": "2026-11-20T09:29:57Z",
            }
        ],
        "use": {
            "functions_used": 5,
            "functions_owned": 12,
            "sessions_a_week": 3.5,
            "against_habit": 0.4,
            "last_seen_at": "2026-11-20T09:29:57Z",
        },
        "money": {"mrr": 490.0, "renewal_at": "2027-01-01T00:00:00Z", "signs": []},
        "open_matters": [],
        "last_contact_at": "2026-11-17T09:12:00Z",
        "question": {"en": "What were you hoping to do with us that hasn't worked out so far?"},
    },
}


class WorkItem(Told):
    """A customer to speak with, by what stands with it now."""

    customer_id: str
    name: str | None
    owner: str | None
    tier: str | None
    rank: RankTold
    alert: Annotated[
        Alert | None,
        Field(description="Of the most urgent cause; null: none was raised for what stands."),
    ]
    other_alerts: Annotated[int, Field(description="Further alerts of this customer that wait.")]
    contact: ContactTold
    data_quality: Annotated[DataQuality, Field(description="Bad data isn't no data.")]
    summary: Annotated[str, Field(description="Who did what, and what to do first.")]
    band: Annotated[str | None, Field(description="As last decided.")]
    briefing: Annotated[
        PriceBriefing | Briefing,
        Field(
            description=(
                "As of now: what happened, use, money, open matters, a question to open with."
            )
        ),
    ]


WORKLIST_COLUMNS: Final = (
    *("customer_id", "name", "owner", "tier", "band", "summary", "rank.points", "rank.why"),
    *("alert.id", "alert.kind", "alert.severity", "alert.state", "other_alerts"),
    *("briefing.money.mrr", "briefing.money.renewal_at", "contact.timezone"),
    *("contact.next_window_at", "contact.last_contact_at", "contact.over_cap"),
)
"""Of CSV."""


class Worklist(ListAnswer[WorkItem]):
    """The customers most worth a call today; the rest is on the next pages."""

    model_config = example(
        as_of="2026-11-20T09:30:00Z", waiting=12, items=[_ITEM], next_cursor=None, prev_cursor=None
    )

    as_of: datetime
    waiting: Annotated[
        int, Field(description="Customers that need a call, on this page and beyond.")
    ]
