"""By which rule a flag holds: the customer's own rhythm, its habit, or the span for everybody, with
the figures that were compared."""

from dataclasses import dataclass
from typing import Literal

from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.model import FlagRule
from healthsvc.core.scoring import baseline
from healthsvc.core.scoring.flags.absence import AbsenceFlag
from healthsvc.core.scoring.flags.drop import DropFlag
from healthsvc.core.scoring.flags.fading import FadingFlag
from healthsvc.core.scoring.flags.intent import IntentFlag
from healthsvc.core.scoring.view import SLOW, View

RuleName = Literal["own_rhythm", "daily_rhythm", "fixed_span", "habit", "last_year", "recurring"]
_DAILY_DAYS = 3.0
"""Up to this usual gap a customer comes nearly every day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReason:
    """The rule that judged, and its figures; those that it doesn't use are 0."""

    rule: RuleName
    usual_days: float = 0.0
    """The usual gap between visits."""
    quiet_days: float = 0.0
    share: float = 0.0
    """Today's rate over the usual one."""


def rule_reason(view: View, rule: FlagRule, row: int, *, is_habit: bool) -> RuleReason | None:
    """Why a flag holds of one row; None where its title says it all. is_habit: its newest cause was
    no news."""
    one = view.only(row)
    if isinstance(rule, AbsenceFlag):
        return _absence(one, rule)
    if isinstance(rule, DropFlag):
        share = float(baseline.ratio(one, view.program.measures.index(rule.measure))[0])
        return RuleReason(rule="habit", share=share)
    if isinstance(rule, FadingFlag):
        measure = view.program.measures.index(rule.measure)
        share = float(baseline.ratio_by(one, measure, baseline.HalfLives(0, SLOW))[0])
        return RuleReason(rule="last_year", share=share)
    return RuleReason(rule="recurring") if isinstance(rule, IntentFlag) and is_habit else None


def _absence(one: View, rule: AbsenceFlag) -> RuleReason:
    measure = one.program.measures.index(rule.measure)
    quiet_days = float(one.now_us[0] - one.newest(measure)[0]) / DAY_US
    usual_days = float(one.usual_gap_us[0]) / DAY_US
    if measure != one.program.presence or usual_days <= 0:
        return RuleReason(rule="fixed_span", quiet_days=quiet_days)
    name: RuleName = "daily_rhythm" if usual_days <= _DAILY_DAYS else "own_rhythm"
    return RuleReason(rule=name, usual_days=usual_days, quiet_days=quiet_days)
