"""What a kind of judge is: how a measure turns into evidence and a value."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.scorecard.model import Judge
from healthsvc.core.scoring.judges.reading import JudgeReader
from healthsvc.core.scoring.view import View


class Marks(NamedTuple):
    """What a judge makes of n customers, arrays (n,)."""

    evidence: Floats
    """0 nothing is known .. 1 full evidence."""
    value: Floats
    """0 bad .. 1 good."""
    change_us: Floats | None = None
    """When the marks jump by time alone, inf where they don't; None: they never do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureJudge(Judge, ABC):
    """A judge of some kind."""

    meaning: ClassVar[str]
    """What it compares, for the schema and the documents: a phrase without a final stop."""

    @classmethod
    @abstractmethod
    def read(cls, reader: JudgeReader) -> Self:
        """Read the judge. Raises ScorecardError with the place of the first fault."""

    @abstractmethod
    def judge(self, view: View, measure: int) -> Marks:
        """Judge each customer by the level in this column, as of its `now_us`."""


def saturated(level: Floats, half: Floats | float) -> Floats:
    """0 at level 0, one half at `half`, 1 in the limit."""
    return 1.0 - np.exp2(-(level / half))


def enough_events(view: View, measure: int, min_events: float) -> Floats:
    """Full evidence from `min_events` on, none before."""
    return (view.count(measure) >= min_events).astype(np.float64)
