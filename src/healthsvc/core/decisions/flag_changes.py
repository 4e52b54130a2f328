"""Which flags were raised, released or renewed since the last decision."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US, FlagChange, Kind
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.flags.intent import IntentFlag
from healthsvc.core.scoring.flags.kind import ABOVE, BELOW


def standing_flags(
    card: Scorecard, evaluation: Evaluation, before: DecisionStates, anew: Mask | None = None
) -> Mask:
    """(n, f) the flags that stand: between its lines a flag is as it was decided last, unless
    another variant judges `anew`. Of whoever has left, those that say so alone."""
    stood = before.flags.astype(np.int64)[:, None] >> np.arange(len(card.flags)) & 1 == 1
    if anew is not None:
        stood &= ~anew[:, None]
    standing = evaluation.flags.standing(stood)
    if evaluation.churned.any():
        of_churn = np.array([rule.after_leaving for rule in card.flags], bool)
        standing[evaluation.churned] &= of_churn
    return standing


def as_decided(card: Scorecard, evaluation: Evaluation, decided: DecisionStates) -> Evaluation:
    """The same evaluation with each flag that lies between its lines as it was decided: what people
    are shown."""
    standing = standing_flags(card, evaluation, decided)
    place = np.where(standing, ABOVE, BELOW)
    return replace(evaluation, flags=replace(evaluation.flags, place=place))


def as_bits(holds: Mask) -> Int64s:
    """(n,) a bit a flag, in declared order."""
    bits: Int64s = (holds * (1 << np.arange(holds.shape[1], dtype=np.int64))).sum(axis=1)
    return bits


def flag_changes(
    card: Scorecard,
    evaluation: Evaluation,
    before: DecisionStates,
    anew: Mask,
    holds: Mask,
    bits: Int64s,
) -> list[FlagChange]:
    """Changes against the last decision, raised and released ones first; holds: (n, f), bits: the
    same as `as_bits`.

    Of a customer judged anew only what has begun since the last decision raises alerts: the rest is
    another judgement of the same behaviour.
    """
    bits_before = before.flags.astype(np.int64)
    changes: list[FlagChange] = []
    for row in np.flatnonzero(bits != bits_before).tolist():
        earliest_us = int(before.decided_us[row]) + 1 if anew[row] else 0
        since_us = max(int(evaluation.now_us[row]) - ALERT_MAX_AGE_US, earliest_us)
        changes += _of_row(
            card, evaluation, row, int(bits[row]) ^ int(bits_before[row]), since_us, holds
        )
    return [*changes, *_renewals(card, evaluation, before, holds)]


def _of_row(
    card: Scorecard, evaluation: Evaluation, row: int, differing: int, since_us: int, holds: Mask
) -> Iterator[FlagChange]:
    """differing: the flags that change, as bits; since_us: causes before it raise no alert."""
    for f, rule in enumerate(card.judging(evaluation.variant_of(row)).flags):
        if differing >> f & 1:
            onset_us, is_raised = int(evaluation.flags.onset_us[row, f]), bool(holds[row, f])
            is_alert = is_raised and onset_us >= since_us and rule.severity is not None
            kind: Kind = "raised" if is_raised else "released"
            yield FlagChange(row=row, flag=f, kind=kind, onset_us=onset_us, alert=is_alert)


def _renewals(
    card: Scorecard, evaluation: Evaluation, before: DecisionStates, holds: Mask
) -> Iterator[FlagChange]:
    """Intent that was shown again: closing an alert doesn't make the customer stay."""
    bits_before = before.flags.astype(np.int64)
    oldest_us = evaluation.now_us - ALERT_MAX_AGE_US
    for f, rule in enumerate(card.flags):
        if isinstance(rule, IntentFlag):
            onset_us: Floats = evaluation.flags.onset_us[:, f]
            held_before = bits_before >> f & 1 == 1
            again = (
                holds[:, f] & held_before & (onset_us > before.decided_us) & (onset_us >= oldest_us)
            )
            for row in np.flatnonzero(again).tolist():
                if card.judging(evaluation.variant_of(row)).flags[f].severity is not None:
                    yield FlagChange(
                        row=row, flag=f, kind="renewed", onset_us=int(onset_us[row]), alert=True
                    )
