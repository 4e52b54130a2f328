"""What a scorecard says of surveys: which answers are low and high, and how several people's are
weighed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, get_args

from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError

Survey = Literal["nps", "csat", "ces"]
SURVEYS: Final[tuple[Survey, ...]] = get_args(Survey)
Lines = Mapping[Survey, float]
LOW: Final[Lines] = MappingProxyType({"nps": 6.0, "csat": 2.0, "ces": 3.0})
"""Detractors of NPS give 0 to 6."""
HIGH: Final[Lines] = MappingProxyType({"nps": 9.0, "csat": 4.0, "ces": 6.0})
"""Promoters give 9 or 10."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRules:
    low: Lines = field(default_factory=lambda: LOW)
    """Answers up to here are low."""
    high: Lines = field(default_factory=lambda: HIGH)
    """Answers from here on are high."""
    half_life_us: int = 120 * DAY_US
    """An answer that is so much older than the newest one weighs half of it."""
    decider_weight: float = 3.0
    """How much more the answer of a champion or decider weighs than another's."""


def survey_rules(data: object) -> SurveyRules:
    """The `surveys` section; its defaults where there is none. Raises ScorecardError with the path
    of the first fault."""
    r = MappingReader(data or {}, "/surveys")
    low, high = (
        _lines(r.get(name) or {}, f"/surveys/{name}", defaults)
        for name, defaults in (("low", LOW), ("high", HIGH))
    )
    rules = SurveyRules(
        low=low,
        high=high,
        half_life_us=r.days("half_life_days", 120),
        decider_weight=r.number("decider_weight", 3.0, low=1, high=100),
    )
    r.done()
    for survey in SURVEYS:
        if low[survey] >= high[survey]:
            raise ScorecardError(f"/surveys/high/{survey}", "must be above the low line")
    return rules


def _lines(data: object, path: str, defaults: Lines) -> Lines:
    r = MappingReader(data, path)
    lines = {survey: r.number(survey, defaults[survey], high=10) for survey in SURVEYS}
    r.done()
    return MappingProxyType(lines)
