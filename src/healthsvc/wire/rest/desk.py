"""What people do with alerts: requests, and the steps that were taken."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from healthsvc.core.alerts import AlertStep, FlagEdge, Outcome, Priority
from healthsvc.wire.rest.alerts import ALERT_EXAMPLE, ActorTold, Alert
from healthsvc.wire.rest.problems import Problem
from healthsvc.wire.rest.shapes import Asked, Instant, ShortText, Text, Told, example

MOST_AT_ONCE = 500


def _day(value: object) -> object:
    """A day in a text; what is a day already stays one."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("must be a day, such as 2026-11-23")


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
Note = Annotated[Text, Field(max_length=2000, description="Kept with the alert, told to webhooks.")]
PersonName = Annotated[
    ShortText,
    Field(max_length=200, description="A name or address, as the desk uses it: `ana@example.com`."),
]


class AlertAssign(Asked):
    """Who has an alert from now on, until when, how urgent it is."""

    model_config = example(assignee="ana", due_at="2026-11-23T12:00:00Z", priority="urgent")

    assignee: PersonName
    due_at: Annotated[Instant | None, Field(description="Left out: as before, by touch tier.")] = (
        None
    )
    priority: Annotated[Priority | None, Field(description="Left out: as before.")] = None
    note: Note | None = None


class AlertSnooze(Asked):
    """Until when an alert is put off: an instant or a day, or a flag of the customer."""

    model_config = example(until="2026-11-23", note="Back from leave on Monday.")

    until: Annotated[
        Instant | Day | None,
        Field(
            description="An instant; or a day, of which the alert comes back at 08:00 of the"
            " service's time zone (`HEALTHSVC_TIMEZONE`)."
        ),
    ] = None
    until_flag: Annotated[
        ShortText | None, Field(description="Until this flag of the customer begins or ends.")
    ] = None
    edge: Annotated[FlagEdge, Field(description="Which of the two.")] = "ends"
    note: Note | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "AlertSnooze":
        if (self.until is None) == (self.until_flag is None):
            raise ValueError("say either `until` or `until_flag`")
        return self


class AlertComment(Asked):
    """Something to note with an alert."""

    model_config = example(note="Their champion is on leave until Monday.")

    note: Note


class AlertResolve(Asked):
    """How an alert was settled."""

    model_config = example(
        outcome="saved", note="Called Kim: the invoice had gone to the wrong address."
    )

    outcome: Annotated[
        Outcome | None,
        Field(description="What came of it; `GET /v1/alerts/report` counts them."),
    ] = None
    note: Note | None = None


class AlertReopen(Asked):
    """Why a resolution is taken back."""

    model_config = example(note="They haven't paid after all.")

    note: Note | None = None


class AlertActs(Asked):
    """The same step with several alerts: the member that is there names it."""

    model_config = example(ids=["al_0d9b3e", "al_77aa01"], assign={"assignee": "ana"})

    ids: Annotated[
        list[ShortText],
        Field(min_length=1, max_length=MOST_AT_ONCE, description=f"At most {MOST_AT_ONCE}."),
    ]
    acknowledge: Annotated[Literal[True] | None, Field(description="Take them on.")] = None
    assign: AlertAssign | None = None
    snooze: AlertSnooze | None = None
    comment: AlertComment | None = None
    resolve: AlertResolve | None = None
    reopen: AlertReopen | None = None

    @model_validator(mode="after")
    def _one_step(self) -> "AlertActs":
        steps = [name for name in STEP_MEMBERS if getattr(self, name) is not None]
        if len(steps) != 1:
            raise ValueError(f"say one of {', '.join(STEP_MEMBERS)}")
        return self


STEP_MEMBERS = ("acknowledge", "assign", "snooze", "comment", "resolve", "reopen")


class AlertActResult(Told):
    """What became of one alert."""

    model_config = example(id="al_0d9b3e", status="done", alert=ALERT_EXAMPLE, problem=None)

    id: str
    status: Annotated[
        Literal["done", "refused"], Field(description="done: it is as was asked, now or before.")
    ]
    alert: Alert | None
    problem: Annotated[Problem | None, Field(description="Why it was refused.")]


class AlertActResults(Told):
    """What became of each alert, in the order of the request, each id once."""

    model_config = example(
        done=1,
        refused=0,
        items=[{"id": "al_0d9b3e", "status": "done", "alert": ALERT_EXAMPLE, "problem": None}],
    )

    done: int
    refused: int
    items: list[AlertActResult]


class AlertStepTold(Told):
    """Something that was done with an alert, and who did it."""

    step: AlertStep
    at: datetime
    actor: ActorTold
    note: str | None
    detail: Annotated[
        dict[str, Any], Field(description="`assignee`, `due_at`, `until`, `outcome` …")
    ]


class AlertSteps(Told):
    """What was done with an alert, the first step first."""

    model_config = example(
        items=[
            {
                "step": "assign",
                "at": "2026-11-20T09:31:00Z",
                "actor": {"kind": "person", "id": None, "name": "Kim Park", "via_key": "key_1"},
                "note": None,
                "detail": {"assignee": "ana"},
            }
        ]
    )

    items: list[AlertStepTold]
