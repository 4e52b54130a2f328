"""What one should know before speaking with a customer: what happened, what they use, money, open
matters.

From the state alone, so that it costs nothing until somebody asks or an alert is raised.
"""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.folding import facts as fact
from healthsvc.core.insights import signals
from healthsvc.core.insights.rule_reasons import RuleReason, rule_reason
from healthsvc.core.insights.signals import Signal
from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.model import FlagRule
from healthsvc.core.scorecard.texts import Text
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View

_SPAN_US = fact.SLOT_SPAN_DAYS * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A flag that holds, and since when."""

    flag: str
    title: Text
    since_us: int
    reason: RuleReason | None
    """The rule that judged; None where the title says it all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What they use. Functions are counted by a sketch: about so many of up to 40."""

    functions_used: int
    functions_owned: int | None
    sessions_a_week: float | None
    against_habit: float | None
    """Today's use over the long-standing one; None with too little use to tell."""
    last_seen_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    happened: tuple[Happened, ...]
    """The newest first."""
    use: Use
    money: tuple[Signal, ...]
    open_matters: tuple[Signal, ...]
    mrr: float | None
    renewal_us: int | None
    last_contact_us: int | None


def briefing(view: View, evaluation: Evaluation, row: int) -> Briefing:
    """What is known of one row."""
    rules = view.program.scorecard.judging(evaluation.variant_of(row)).flags
    happenings = [
        _happened(view, evaluation, row, f, rules[f])
        for f in np.flatnonzero(evaluation.flags.holds[row]).tolist()
    ]
    renewal = signals.known(view, row, "renewal_at")
    return Briefing(
        happened=tuple(sorted(happenings, key=lambda h: -h.since_us)),
        use=_use(view, row),
        money=signals.present(
            (
                signals.renewal_near(view, row),
                signals.contraction(view, row),
                signals.growth(view, row),
                signals.seats_idle(view, row),
                signals.seats_nearly_full(view, row),
            )
        ),
        open_matters=signals.present(
            (
                signals.open_items(view, row, "complaint_open", "complaints_open"),
                signals.open_items(view, row, "ticket_waiting", "tickets_waiting"),
                signals.open_items(view, row, "ticket_open", "tickets_open"),
                signals.open_items(view, row, "invoice_overdue", "invoices_overdue"),
                signals.detractor(view, row),
                signals.dissatisfied(view, row),
            )
        ),
        mrr=signals.known(view, row, "mrr"),
        renewal_us=None if renewal is None else int(renewal),
        last_contact_us=last_contact(view, row),
    )


def _happened(view: View, evaluation: Evaluation, row: int, f: int, rule: FlagRule) -> Happened:
    flags = evaluation.flags
    reason = rule_reason(view, rule, row, is_habit=bool(flags.is_habit[row, f]))
    since_us = int(flags.onset_us[row, f])
    return Happened(flag=rule.name, title=rule.title, since_us=since_us, reason=reason)


def last_contact(view: View, row: int) -> int | None:
    """When somebody spoke with them last, as the scorecard counts contacts."""
    measure = signals.column(view, "contacts")
    newest = 0.0 if measure is None else float(view.newest(measure)[row])
    return int(newest) if newest > 0 else None


def _use(view: View, row: int) -> Use:
    used = view.functions_of(row, since_us=int(view.now_us[row]) - _SPAN_US)
    features, last_us = signals.known(view, row, "features_owned"), view.fact_of("last_seen", row)
    sessions, ratio = signals.column(view, "sessions"), signals.use_ratio(view, row)
    weekly = None if sessions is None else round(7 * view.rate_of(row, sessions, 0), 1)
    return Use(
        functions_used=round(used),
        functions_owned=None if features is None else int(features),
        sessions_a_week=weekly,
        against_habit=None if ratio is None else round(ratio[0], 2),
        last_seen_us=int(last_us) if np.isfinite(last_us) and last_us > 0 else None,
    )
