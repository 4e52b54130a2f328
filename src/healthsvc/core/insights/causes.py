"""What stands with a customer now and asks for a call: flags that raise alerts, whether or not one
was raised, and the band."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from healthsvc.core.insights.briefing import last_contact
from healthsvc.core.insights.contact_windows import ContactRules, contacts_within
from healthsvc.core.insights.rank import Worth, urgency_of
from healthsvc.core.insights.signals import column, known
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View

INTENT: Final = "intent"
"""The kind of flags that say that somebody means to leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that asks for a call: what, since when, and how severe it is."""

    name: str
    """Of the flag, or the kind of the alert."""
    severity: str
    onset_us: int
    intent: bool = False
    """A sign of leaving: the cap on contacts doesn't hold for it."""


def causes(view: View, evaluation: Evaluation, row: int) -> list[Cause]:
    """The flags of one row that raise alerts, the most urgent first."""
    now_us = int(view.now_us[row])
    rules = view.program.scorecard.judging(evaluation.variant_of(row)).flags
    holding = [
        Cause(
            name=rule.name,
            severity=rule.severity,
            onset_us=int(evaluation.flags.onset_us[row, f]),
            intent=rule.kind == INTENT,
        )
        for f, rule in enumerate(rules)
        if rule.severity is not None and evaluation.flags.holds[row, f]
    ]
    return most_urgent_first(holding, now_us)


def most_urgent_first(some: Sequence[Cause], now_us: int) -> list[Cause]:
    """By severity and age."""
    return sorted(
        some, key=lambda c: -urgency_of(c.severity, max(0, now_us - c.onset_us), band_depth=1.0)
    )


def band_depth(view: View, evaluation: Evaluation, row: int, decided: int) -> float:
    """0 in the best band, 1 in the worst. decided: the band as last decided, -1 where there is
    none: then the score's own counts."""
    bands = view.program.scorecard.judging(evaluation.variant_of(row)).bands
    score = float(evaluation.score[row])
    if decided < 0 and isnan(score):
        return 0.0
    band = decided if decided >= 0 else sum(score < b.floor for b in bands)
    return min(band, len(bands) - 1) / max(len(bands) - 1, 1)


def worth(
    view: View,
    evaluation: Evaluation,
    row: int,
    cause: Cause | None,
    depth: float,
    rules: ContactRules,
) -> Worth:
    """What a rank is made from. cause: the most urgent one; depth: of `band_depth`."""
    now_us = int(view.now_us[row])
    last_us, contacts = last_contact(view, row) or 0, contacts_within(view, row, rules.cap_days)
    return Worth(
        mrr=known(view, row, "mrr"),
        severity=None if cause is None else cause.severity,
        age_us=0 if cause is None else max(0, now_us - cause.onset_us),
        band_depth=depth,
        quiet_us=_quiet_us(view, row),
        spoken_since=cause is not None and last_us > cause.onset_us,
        over_cap=(contacts or 0) >= rules.cap and not (cause is not None and cause.intent),
        notice_given=_notice_given(view, row),
    )


def last_attempt(view: View, row: int) -> int:
    """When somebody of ours spoke with the customer last, or tried to; 0: never."""
    outreach = column(view, "outreach")
    tried = 0 if outreach is None else int(max(float(view.newest(outreach)[row]), 0.0))
    return max(tried, last_contact(view, row) or 0)


def _quiet_us(view: View, row: int) -> int | None:
    activity = column(view, "activity")
    newest = 0.0 if activity is None else float(view.newest(activity)[row])
    return max(0, int(view.now_us[row] - newest)) if newest > 0 else None


def _notice_given(view: View, row: int) -> bool:
    """Whether it has cancelled, to end later."""
    cancelled, ends = float(view.fact("cancelled_at")[row]), known(view, row, "cancel_effective")
    renewed = float(view.fact("renewed_at")[row])
    return cancelled > 0 and cancelled >= renewed and ends is not None and ends > view.now_us[row]
