"""Judges: how the level of a measure, or a fact, turns into evidence and a value.

A file for each kind, listed in `KINDS`: its fields, how it is read from the scorecard, its formula
and its line in the schema. What must not live here: weights and caps, which belong to the
scorecard.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from healthsvc.core.scorecard.distributions import Distributions
from healthsvc.core.scorecard.model import Judge
from healthsvc.core.scorecard.reader import MappingReader
from healthsvc.core.scoring.judges.credit import CreditJudge
from healthsvc.core.scoring.judges.extent import ExtentJudge
from healthsvc.core.scoring.judges.habit import HabitJudge
from healthsvc.core.scoring.judges.kind import MeasureJudge
from healthsvc.core.scoring.judges.open import OpenJudge
from healthsvc.core.scoring.judges.ratio import RatioJudge
from healthsvc.core.scoring.judges.reading import FIELDS, JudgeReader
from healthsvc.core.scoring.judges.recent import RecentJudge
from healthsvc.core.scoring.judges.segment import SegmentJudge
from healthsvc.core.scoring.judges.served import ServedJudge
from healthsvc.core.scoring.judges.survey import SurveyJudge
from healthsvc.core.scoring.judges.target import TargetJudge
from healthsvc.core.scoring.judges.trouble import TroubleJudge
from healthsvc.core.scoring.judges.unanswered import UnansweredJudge
from healthsvc.core.scoring.judges.voices import VoicesJudge

KINDS: Final[Mapping[str, type[MeasureJudge]]] = {
    kind.kind: kind
    for kind in (
        HabitJudge,
        TargetJudge,
        SegmentJudge,
        TroubleJudge,
        CreditJudge,
        ExtentJudge,
        SurveyJudge,
        RatioJudge,
        OpenJudge,
        ServedJudge,
        RecentJudge,
        VoicesJudge,
        UnansweredJudge,
    )
}
"""Every kind of judge, by the name that a scorecard uses."""


def read_judge(
    data: object, path: str, facts: Sequence[str], reference: Distributions | None
) -> Judge:
    """The judge of one measure. Raises ScorecardError with the place of the first fault."""
    reader = MappingReader(data, path)
    kind = KINDS[reader.choice("kind", tuple(KINDS))]
    judge = kind.read(JudgeReader(reader, facts, reference))
    for field in FIELDS:
        reader.get(field)  # known, although this kind may not use it
    reader.done()
    return judge
