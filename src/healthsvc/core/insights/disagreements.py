"""Where score and money disagree: one of the two is wrong, and somebody should be told."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core.insights import signals
from healthsvc.core.insights.signals import Signal
from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.leaving import leaving
from healthsvc.core.scoring.view import View

RENEWED_LATELY_US: Final = 30 * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """What the score says, and the money that says otherwise."""

    score: Literal["high", "low"]
    money: Signal


def disagreements(view: View, evaluation: Evaluation, row: int) -> list[Disagreement]:
    """Those of one row. High is a score in the best band, low one in the lower half of them; in
    between, and without a score, nothing disagrees."""
    card, score = view.program.scorecard, float(evaluation.score[row])
    bands = card.judging(evaluation.variant_of(row)).bands
    if score != score or evaluation.churned[row]:
        return []
    if score >= bands[0].floor:
        against = (
            signals.contraction(view, row),
            signals.open_items(view, row, "invoice_overdue", "invoices_overdue"),
            signals.seats_idle(view, row),
            _leaving(view, row),
        )
        return [Disagreement(score="high", money=sign) for sign in signals.present(against)]
    if len(bands) > 1 and score < bands[max(len(bands) // 2 - 1, 0)].floor:
        against_low = (
            signals.growth(view, row),
            _renewal(view, row),
            _large(view, row, card.large_account.from_mrr),
        )
        return [Disagreement(score="low", money=sign) for sign in signals.present(against_low)]
    return []


def _leaving(view: View, row: int) -> Signal | None:
    """Cancelled, to end later: until then nothing of the behaviour need change."""
    standing = leaving(view.rows(np.array([row])))
    if not standing.gave_notice[0]:
        return None
    days = (float(standing.ends_at[0]) - float(view.now_us[row])) / DAY_US
    told_us = int(standing.told_at[0])
    return Signal(sign="cancelled", measure="cancel_effective", value=days, since_us=told_us)


def _renewal(view: View, row: int) -> Signal | None:
    """The contract was signed anew lately."""
    renewal_us = float(view.fact("renewed_at")[row])
    change_us = max(float(view.fact("mrr_change_at")[row]), float(view.fact("cancelled_at")[row]))
    age = float(view.now_us[row]) - renewal_us
    if renewal_us <= change_us or age >= RENEWED_LATELY_US:
        return None
    return Signal(
        sign="contract_signed", measure="renewed_at", value=age / DAY_US, since_us=int(renewal_us)
    )


def _large(view: View, row: int, from_mrr: float) -> Signal | None:
    mrr = signals.known(view, row, "mrr")
    if mrr is None or mrr < from_mrr:
        return None
    return Signal(
        sign="large_account", measure="mrr", value=mrr, since_us=int(view.fact("mrr_at")[row])
    )
