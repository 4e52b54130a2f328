"""Where score and money disagree: one of the two is wrong, and somebody should be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from healthsvc.core.insights import signals
from healthsvc.core.insights.signals import Signal
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.money import MoneySign, against_high, against_low
from healthsvc.core.scoring.view import View


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
        return _disagreeing("high", view.once("against_high", against_high), row)
    if len(bands) > 1 and score < bands[max(len(bands) // 2 - 1, 0)].floor:
        return _disagreeing("low", view.once("against_low", against_low), row)
    return []


def _disagreeing(
    score: Literal["high", "low"], signs: Sequence[MoneySign], row: int
) -> list[Disagreement]:
    found = signals.present(signals.of_money(sign, row) for sign in signs)
    return [Disagreement(score=score, money=signal) for signal in found]
