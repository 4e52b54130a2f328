"""What a kind of flag is: a rule read from the scorecard, and the condition that it gives of each
customer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats, Mask, by_column
from healthsvc.core.scorecard.model import FlagRule
from healthsvc.core.scoring.flags.reading import FlagReader
from healthsvc.core.scoring.motion import ScoreParts
from healthsvc.core.scoring.view import View

BELOW: Final = np.int8(-1)
BETWEEN: Final = np.int8(0)
ABOVE: Final = np.int8(1)
NO_CAP: Final = 100.0


@dataclass(frozen=True, slots=True)
class Condition:
    """Where n customers stand against a flag's lines, as arrays (n,); a pure function of (log so
    far, now).

    A kind with one line has no customer between its lines: entry equals exit.
    """

    place: NDArray[np.int8]
    """BELOW the exit line, BETWEEN exit and entry, or ABOVE the entry line."""
    onset_us: Floats
    """When its cause happened; meaningful where the flag holds."""
    change_us: Floats
    """The next instant at which time alone changes the place; inf where only an event can."""
    depth: Floats | None = None
    """0 at the exit line or below .. 1 at the entry line or above; None: there is one line."""
    drift: Floats | None = None
    """By how much time alone changes the depth in a microsecond, at most."""
    is_habit: Mask | None = None
    """Whose newest cause was no news, since it has recurred for months; None: nobody's."""

    @classmethod
    def of_one_line(cls, holds: Mask, onset_us: Floats, change_us: Floats) -> Self:
        """The condition of a kind whose entry line is its exit line."""
        return cls(np.where(holds, ABOVE, BELOW), onset_us, change_us)

    @property
    def holds(self) -> Mask:
        """Whether the flag holds for a customer without a former decision: the entry line
        counts."""
        holds: Mask = self.place == ABOVE
        return holds


@dataclass(frozen=True, slots=True)
class FlagStates:
    """n customers, f flags, as arrays (n, f); what `Condition` says of each flag."""

    place: NDArray[np.int8]
    onset_us: Floats
    change_us: Floats
    cap: Floats
    """The cap that the flag puts on the score now, `NO_CAP` where it puts none."""
    cap_drift: Floats
    """Points by which time alone moves the cap in a microsecond, at most; 0 where it doesn't."""
    is_habit: Mask

    @classmethod
    def none(cls, customers: int, flags: int) -> Self:
        """No flag holds, and time alone changes nothing."""
        return cls(
            by_column(customers, flags, BELOW, np.int8),
            by_column(customers, flags, 0.0),
            by_column(customers, flags, np.inf),
            by_column(customers, flags, NO_CAP),
            by_column(customers, flags, 0.0),
            by_column(customers, flags, False, np.bool_),
        )

    def clear(self, customers: Mask) -> None:
        """Have no flag hold for some customers, (n,)."""
        self.place[customers], self.change_us[customers] = BELOW, np.inf
        self.cap[customers], self.cap_drift[customers] = NO_CAP, 0.0

    @property
    def holds(self) -> Mask:
        """(n, f) which flags hold without a former decision."""
        holds: Mask = self.place == ABOVE
        return holds

    def standing(self, stood: Mask) -> Mask:
        """(n, f) which flags stand, given those that stood: between its lines a flag stays as it
        is."""
        standing: Mask = (self.place == ABOVE) | ((self.place == BETWEEN) & stood)
        return standing


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedScore:
    """The score of n customers, and the lines of the scorecard or variant that judges them."""

    parts: ScoreParts
    best_floor: float
    """The floor of the best band."""
    low_floor: float
    """Below it begins the lower half of the bands."""
    hysteresis: float


@dataclass(frozen=True, slots=True)
class EarlierFlags:
    """The flags declared before one, already evaluated: what flags of flags are made of."""

    states: FlagStates
    names: Sequence[str]
    judged: JudgedScore | None = None
    """None: the score isn't known yet, since flags cap it."""

    def places(self, names: Sequence[str]) -> list[int]:
        """The columns of these flags."""
        return [self.names.index(name) for name in names]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(FlagRule, ABC):
    """A flag of some kind."""

    meaning: ClassVar[str]
    """When it holds, for the schema and the documents: a phrase without a final stop."""

    @classmethod
    @abstractmethod
    def read(cls, reader: FlagReader) -> Self:
        """Read the rule. Raises ScorecardError with the place of the first fault."""

    @abstractmethod
    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        """Where each customer of the view stands as of its `now_us`."""

    def cap_of(self, condition: Condition) -> Floats:
        """The cap that the flag puts on each customer's score, (n,); `NO_CAP` where it puts none.

        Between the lines it slides, so that a band isn't thrown by one event; whether the flag
        stands doesn't matter to it.
        """
        cap = NO_CAP if self.cap is None else self.cap
        if condition.depth is None:
            return np.where(condition.holds, cap, NO_CAP)
        slid: Floats = NO_CAP - condition.depth * (NO_CAP - cap)
        return slid

    def cap_drift_of(self, condition: Condition) -> Floats | float:
        """Points by which time alone moves the cap in a microsecond, at most."""
        if self.cap is None or condition.drift is None:
            return 0.0
        drift: Floats = -condition.drift * (NO_CAP - self.cap)
        return drift


def column(view: View, measure: str) -> int:
    """The column of a measure's level."""
    return view.program.measures.index(measure)
