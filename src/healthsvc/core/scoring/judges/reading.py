"""Reading a judge of the scorecard document: each field once, with what is allowed there."""

from collections.abc import Sequence
from typing import Final

from healthsvc.core.scorecard.distributions import Distributions
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose
from healthsvc.core.scorecard.surveys import SURVEYS, Survey
from healthsvc.core.scoring.flags.reading import FactFilter

FIELDS: Final = (
    *("at", "half_life_days", "fact", "to", "worst", "best", "min_events", "days"),
    *("grace_days", "usual_times"),
)
"""All fields that some kind of judge has, beside `kind`; a kind ignores those that it doesn't
use."""


class JudgeReader:
    """Reads the fields of one judge. Each method raises ScorecardError at the field's place."""

    def __init__(
        self, reader: MappingReader, facts: Sequence[str], reference: Distributions | None
    ) -> None:
        self._reader, self._facts = reader, facts
        self.reference = reference
        """The frozen distributions of the measure; None: there are none yet."""

    def at(self) -> float:
        return self._reader.number("at", 1.0, low=0.001)

    def half_life_us(self) -> int:
        return self._reader.days("half_life_days", 90)

    def span_us(self) -> int:
        return self._reader.days("days", 7)

    def min_events(self) -> float:
        return self._reader.number("min_events", 1.0)

    def grace_us(self) -> int:
        """0 where the judge gives none."""
        return 0 if self._reader.get("grace_days") is None else self._reader.days("grace_days", 1)

    def usual_times(self) -> float:
        return self._reader.number("usual_times", 0.0, high=100)

    def survey(self) -> Survey:
        """A survey, named as the fact of its newest answer."""
        name = self.fact(allowed=lambda _: list(SURVEYS))
        return next(survey for survey in SURVEYS if survey == name)

    def fact(self, field: str = "fact", allowed: FactFilter = list) -> str:
        name = self._reader.get(field, "")
        if name == "":
            kind = str(self._reader.get("kind"))
            raise ScorecardError(self._place(field), f"is needed for a judge of kind {kind!r}")
        choose(name, self._facts, self._place(field))
        return choose(name, allowed(self._facts), self._place(field))

    def marks(self) -> tuple[float, float]:
        """The answers that are no marks and full marks."""
        worst, best = (
            self._reader.number("worst", 0.0, low=-1e9),
            self._reader.number("best", 1.0, low=-1e9),
        )
        if worst == best:
            raise ScorecardError(self._place("best"), "must differ from `worst`")
        return worst, best

    def fixed_marks(self) -> float:
        best = self._reader.number("best", 1.0, low=-1e9)
        if not 0 <= best <= 1:
            raise ScorecardError(self._place("best"), "must be a number from 0 to 1: the marks")
        return best

    def _place(self, field: str) -> str:
        return f"{self._reader.path}/{field}"
