"""The lifecycle of an alert: its states, the steps between them, and what one alert says.

The lifecycle is one table, `LIFECYCLE`. Whatever writes or compares a state takes it from here; SQL
is made from it in `store.alerts.lifecycle_sql`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, get_args

from healthsvc.core.actors import Actor, rule
from healthsvc.core.severity import Severity

AlertState: TypeAlias = Literal["held", "open", "acknowledged", "snoozed", "resolved"]
AlertStep: TypeAlias = Literal[
    "release", "acknowledge", "escalate", "ease", "snooze", "wake", "resolve", "end", "reopen"
]

HELD: Final = "held"
"""An outage may be why something didn't happen: nobody is told of it yet."""
OPEN: Final = "open"
"""Somebody should act on it."""
ACKNOWLEDGED: Final = "acknowledged"
"""Somebody acts on it."""
SNOOZED: Final = "snoozed"
"""Put off until later. Nothing sets it yet."""
RESOLVED: Final = "resolved"
"""Done, or its condition has ended."""

RELEASE: Final = "release"
"""The outage that held it is over, and its condition still holds."""
ACKNOWLEDGE: Final = "acknowledge"
"""Somebody takes it on."""
ESCALATE: Final = "escalate"
"""A more severe flag of its group takes it over."""
EASE: Final = "ease"
"""A less severe flag of its group takes it over."""
SNOOZE: Final = "snooze"
"""Somebody puts it off."""
WAKE: Final = "wake"
"""The time that it was put off to has come."""
RESOLVE: Final = "resolve"
"""Somebody declares it done."""
END: Final = "end"
"""Its condition has ended."""
REOPEN: Final = "reopen"
"""Somebody takes the resolution back."""

STATES: Final[tuple[AlertState, ...]] = get_args(AlertState)
STEPS: Final[tuple[AlertStep, ...]] = get_args(AlertStep)
FIRST_STATES: Final[tuple[AlertState, ...]] = (HELD, OPEN)
"""An alert is raised into one of these."""
UNRESOLVED: Final[tuple[AlertState, ...]] = (HELD, OPEN, ACKNOWLEDGED, SNOOZED)
"""A customer, or a scope of the service, has at most one alert of a group in these states."""
ACTIONABLE: Final[tuple[AlertState, ...]] = (OPEN, ACKNOWLEDGED)
"""What lists by rank, and the worklist, show."""
PLANNED_STEPS: Final[frozenset[AlertStep]] = frozenset({SNOOZE, WAKE, REOPEN})
"""Steps that nothing in the service takes yet; `snoozed` is reached by one of them alone."""

LIFECYCLE: Final[Mapping[AlertState, Mapping[AlertStep, AlertState]]] = {
    HELD: {
        RELEASE: OPEN,
        ACKNOWLEDGE: ACKNOWLEDGED,
        ESCALATE: HELD,
        EASE: HELD,
        RESOLVE: RESOLVED,
        END: RESOLVED,
    },
    OPEN: {
        ACKNOWLEDGE: ACKNOWLEDGED,
        ESCALATE: OPEN,
        EASE: OPEN,
        SNOOZE: SNOOZED,
        RESOLVE: RESOLVED,
        END: RESOLVED,
    },
    ACKNOWLEDGED: {
        ACKNOWLEDGE: ACKNOWLEDGED,
        ESCALATE: ACKNOWLEDGED,
        EASE: ACKNOWLEDGED,
        SNOOZE: SNOOZED,
        RESOLVE: RESOLVED,
        END: RESOLVED,
    },
    SNOOZED: {
        ACKNOWLEDGE: ACKNOWLEDGED,
        ESCALATE: SNOOZED,
        EASE: SNOOZED,
        SNOOZE: SNOOZED,
        WAKE: OPEN,
        RESOLVE: RESOLVED,
        END: RESOLVED,
    },
    RESOLVED: {RESOLVE: RESOLVED, REOPEN: OPEN},
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
    revision: int
    position: int

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
