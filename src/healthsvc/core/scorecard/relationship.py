"""Rules of what a score doesn't say of a customer, as data: its loyalty, its fit, the touch that it
should have.

They are sections of the scorecard, read by `relationship_section`; a published scorecard freezes
them with the rest.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from healthsvc.core.scorecard.texts import NO_TEXT, Text

PartKind = Literal["tenure", "count", "answer", "since", "habit"]
PARTS: Final[tuple[PartKind, ...]] = ("tenure", "count", "answer", "since", "habit")
ACTS: Final = frozenset(("count", "since"))
"""What a customer does of its own accord: not having done it earns nothing. Of the others, what
nobody knows is left out instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoyaltyRule:
    """One ground of loyalty, and what it weighs.

    tenure: full marks after the span. count: events of a measure, `at` of them give half, however
    old they are. answer: the last one to a survey, from `worst` to `best`, for the span. since:
    something that happened within the span. habit: today's rate over the long-standing one, `at` of
    it is full marks.
    """

    name: str
    kind: PartKind
    weight: float
    measure: str = ""
    fact: str = ""
    at: float = 1.0
    span_us: int = 0
    worst: float = 0.0
    best: float = 1.0
    min_events: float = 1.0
    heavy: bool = False
    """Counts of heavy users alone."""
    why: Text = NO_TEXT
    play: Text = NO_TEXT
    """What to do where it gives full marks, or half of them for acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoyaltyRules:
    evidence: float
    """Fewer grounds than these, and it isn't known."""
    parts: tuple[LoyaltyRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeavyUse:
    """From so many events of a measure a day on, over the long-standing half-life, a customer is a
    heavy user."""

    measure: str
    a_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IcpCondition:
    """What the ideal customer's attribute is: one of some values, or a number within bounds."""

    attribute: str
    values: frozenset[Any] | None
    low: float
    high: float
    weight: float
    why: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchLine:
    """Any one of these puts a customer into the tier; None: not looked at."""

    mrr: float | None
    heavy_use: bool
    conversations: float | None
    """In 30 days, over the long-standing half-life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    high: TouchLine
    low: TouchLine
    conversations: tuple[str, ...]
    """The measures whose events are conversations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    loyalty: LoyaltyRules | None = None
    heavy_use: HeavyUse | None = None
    icp: tuple[IcpCondition, ...] = ()
    touch: Touch | None = None


NOTHING: Final = Relationship()
