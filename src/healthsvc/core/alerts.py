"""The lifecycle of an alert: its states, the steps between them, and what one alert says.

The lifecycle is one table, `LIFECYCLE`. Whatever writes or compares a state takes it from here; SQL
is made from it in `store.alerts.lifecycle_sql`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, get_args

from healthsvc.core.actors import Actor, rule
from healthsvc.core.severity import Severity

AlertState: TypeAlias = Literal["held", "open", "acknowledged", "snoozed", "resolved"]
AlertStep: TypeAlias = Literal[
    "release",
    "acknowledge",
    "assign",
    "comment",
    "escalate",
    "ease",
    "snooze",
    "wake",
    "overdue",
    "resolve",
    "end",
    "reopen",
]
Outcome: TypeAlias = Literal["saved", "churned", "false_alarm", "no_action", "other"]
"""What came of an alert, as whoever resolved it says."""
Priority: TypeAlias = Literal["low", "normal", "high", "urgent"]
FlagEdge: TypeAlias = Literal["begins", "ends"]

HELD: Final = "held"
"""An outage may be why something didn't happen: nobody is told of it yet."""
OPEN: Final = "open"
"""Somebody should act on it."""
ACKNOWLEDGED: Final = "acknowledged"
"""Somebody acts on it."""
SNOOZED: Final = "snoozed"
"""Somebody has put it off: until an instant, or until a flag of the customer begins or ends."""
RESOLVED: Final = "resolved"
"""Done, or its condition has ended."""

RELEASE: Final = "release"
"""The outage that held it is over, and its condition still holds."""
ACKNOWLEDGE: Final = "acknowledge"
"""Somebody takes it on."""
ASSIGN: Final = "assign"
"""Somebody gives it to somebody, who has taken it on with that."""
COMMENT: Final = "comment"
"""Somebody notes something."""
ESCALATE: Final = "escalate"
"""A more severe flag of its group takes it over."""
EASE: Final = "ease"
"""A less severe flag of its group takes it over."""
SNOOZE: Final = "snooze"
"""Somebody puts it off."""
WAKE: Final = "wake"
"""What it was put off to has come."""
OVERDUE: Final = "overdue"
"""Nobody resolved it by its due date: the manager is told, once."""
RESOLVE: Final = "resolve"
"""Somebody declares it done."""
END: Final = "end"
"""Its condition has ended: that is the end of an alert that nobody took; one that somebody took
stays theirs until they resolve it."""
REOPEN: Final = "reopen"
"""Somebody takes the resolution back, and the alert on."""

STATES: Final[tuple[AlertState, ...]] = get_args(AlertState)
STEPS: Final[tuple[AlertStep, ...]] = get_args(AlertStep)
FIRST_STATES: Final[tuple[AlertState, ...]] = (HELD, OPEN)
"""An alert is raised into one of these."""
UNRESOLVED: Final[tuple[AlertState, ...]] = (HELD, OPEN, ACKNOWLEDGED, SNOOZED)
"""A customer, or a scope of the service, has at most one alert of a group in these states."""
ACTIONABLE: Final[tuple[AlertState, ...]] = (OPEN, ACKNOWLEDGED)
"""What lists by rank, and the worklist, show."""
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
"""Rising."""
PRIORITY_OF: Final[Mapping[Severity, Priority]] = {
    "info": "low",
    "warning": "normal",
    "critical": "high",
}
"""Of an alert of which nobody said another."""
DUE_AFTER: Final[Mapping[str | None, timedelta]] = {
    "high": timedelta(days=1),
    "low": timedelta(days=3),
    "tech": timedelta(days=7),
    None: timedelta(days=3),
}
"""By touch tier, how long after it was raised an alert is due; a critical one in a third of it."""

LIFECYCLE: Final[Mapping[AlertState, Mapping[AlertStep, AlertState]]] = {
    HELD: {
        RELEASE: OPEN,
        ACKNOWLEDGE: ACKNOWLEDGED,
        ASSIGN: ACKNOWLEDGED,
        COMMENT: HELD,
        ESCALATE: HELD,
        EASE: HELD,
        RESOLVE: RESOLVED,
        END: RESOLVED,
    },
    OPEN: {
        ACKNOWLEDGE: ACKNOWLEDGED,
        ASSIGN: ACKNOWLEDGED,
        COMMENT: OPEN,
        ESCALATE: OPEN,
        EASE: OPEN,
        SNOOZE: SNOOZED,
        OVERDUE: OPEN,
        RESOLVE: RESOLVED,
        END: RESOLVED,
    },
    ACKNOWLEDGED: {
        ACKNOWLEDGE: ACKNOWLEDGED,
        ASSIGN: ACKNOWLEDGED,
        COMMENT: ACKNOWLEDGED,
        ESCALATE: ACKNOWLEDGED,
        EASE: ACKNOWLEDGED,
        SNOOZE: SNOOZED,
        OVERDUE: ACKNOWLEDGED,
        RESOLVE: RESOLVED,
        END: ACKNOWLEDGED,
    },
    SNOOZED: {
        ACKNOWLEDGE: ACKNOWLEDGED,
        ASSIGN: ACKNOWLEDGED,
        COMMENT: SNOOZED,
        ESCALATE: SNOOZED,
        EASE: SNOOZED,
        SNOOZE: SNOOZED,
        WAKE: ACKNOWLEDGED,
        RESOLVE: RESOLVED,
        END: SNOOZED,
    },
    RESOLVED: {COMMENT: RESOLVED, RESOLVE: RESOLVED, REOPEN: ACKNOWLEDGED},
}
"""The state after each step that a state allows; a step that isn't listed is refused. A step may
lead to the state that it began in: then nothing about the state changes."""

CONDITION_ENDED: Final = "released"
"""Who resolved an alert, where nobody did: its condition has ended."""
ENDED_ITSELF: Final = rule(CONDITION_ENDED)
"""The same, in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert."""

    id: str
    customer_id: str | None
    """None: an operations alert, about `scope`."""
    scope: str | None
    kind: str
    severity: Severity
    state: AlertState
    summary: str
    detail: dict[str, Any]
    onset_at: datetime
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_actor: Actor | None
    resolved_at: datetime | None
    resolved_by: str | None
    """`CONDITION_ENDED`, or who."""
    resolved_actor: Actor | None
    condition_ended_at: datetime | None
    """None: it holds, or the alert was resolved before it ended."""
    assignee: str | None = None
    """Whose it is: a name that the desk uses."""
    due_at: datetime | None = None
    chosen_priority: Priority | None = None
    """None: by its severity."""
    snoozed_until: datetime | None = None
    snoozed_flag: str | None = None
    """Instead of an instant: until this flag of the customer begins or ends."""
    snoozed_edge: FlagEdge | None = None
    overdue_at: datetime | None = None
    """When it was told as overdue."""
    outcome: Outcome | None = None
    note: str | None = None
    """Of whoever resolved it."""
    revision: int
    position: int

    @property
    def priority(self) -> Priority:
        return self.chosen_priority or PRIORITY_OF[self.severity]

    @property
    def settled_by(self) -> str | None:
        """Who brought it into its state; None while nobody did."""
        return self.resolved_by if self.state == RESOLVED else self.acknowledged_by

    @property
    def settled_by_actor(self) -> Actor | None:
        """The same, in full; None also where it was settled before that was kept."""
        return self.resolved_actor if self.state == RESOLVED else self.acknowledged_actor


def after(state: AlertState, step: AlertStep) -> AlertState | None:
    """The state that a step leads to; None: the step is refused."""
    return LIFECYCLE[state].get(step)


def target(step: AlertStep) -> AlertState:
    """The state that a step leads to from wherever else it is allowed. Raises ValueError if there
    is more than one."""
    targets = {
        steps[step] for state, steps in LIFECYCLE.items() if step in steps and steps[step] != state
    }
    if len(targets) != 1:
        raise ValueError(f"The step {step} leads to {len(targets)} states.")
    return targets.pop()


def allowing(step: AlertStep) -> tuple[AlertState, ...]:
    """The states that allow a step, in their order."""
    return tuple(state for state in STATES if step in LIFECYCLE[state])


def due_at(raised_at: datetime, tier: str | None, severity: Severity) -> datetime:
    """When an alert about a customer of this touch tier is due."""
    span = DUE_AFTER.get(tier, DUE_AFTER[None])
    return raised_at + (span / 3 if severity == "critical" else span)
