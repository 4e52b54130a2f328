"""The expansion gate: whether a customer may be offered more now, and if not, why not.

Never while the relationship is fragile. An open gate is a permission, not an advice.
"""

from dataclasses import dataclass
from typing import Final

from healthsvc.core.insights import signals
from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View

JUST_SOLD_US: Final = 30 * DAY_US
ONBOARDING: Final = "onboarding"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedGate:
    """One reason against; `since_us` where it has a beginning."""

    reason: str
    flag: str | None = None
    since_us: int | None = None


def expansion(
    view: View, evaluation: Evaluation, row: int, *, stage: str | None, band: int | None
) -> list[ClosedGate]:
    """What speaks against offering more, the weightiest first; empty: the gate is open.

    stage: as the customer's own systems tell it. band: as last decided, None where it was never.
    """
    if evaluation.churned[row]:
        return [ClosedGate(reason="churned")]
    return [
        *_flags(view, evaluation, row),
        *_sold(view, row, stage),
        *_standing(view, evaluation, row, band),
    ]


def _flags(view: View, evaluation: Evaluation, row: int) -> list[ClosedGate]:
    """Open complaints, overdue invoices and a plan made smaller, whatever the scorecard calls them;
    and every flag that caps the score."""
    reasons: list[ClosedGate] = []
    for reason, fact in (
        ("complaint_open", "complaints_open"),
        ("invoice_overdue", "invoices_overdue"),
    ):
        sign = signals.open_items(view, row, reason, fact)
        if sign is not None:
            reasons.append(ClosedGate(reason=reason, since_us=sign.since_us))
    shrunk = signals.contraction(view, row)
    if shrunk is not None:
        reasons.append(ClosedGate(reason="contraction", since_us=shrunk.since_us))
    facts_above = {"complaints_open", "invoices_overdue"}
    for f, rule in enumerate(view.program.scorecard.judging(evaluation.variant_of(row)).flags):
        red = rule.cap is not None and rule.fact not in facts_above
        if red and evaluation.flags.holds[row, f]:
            reasons.append(
                ClosedGate(
                    reason="red_flag",
                    flag=rule.name,
                    since_us=int(evaluation.flags.onset_us[row, f]),
                )
            )
    return reasons


def _sold(view: View, row: int, stage: str | None) -> list[ClosedGate]:
    """Just won, just changed to a larger plan, or still being brought in.

    Of a customer that is new to us and whose date of sale nobody told, only that much is said.
    """
    now, sold, growth = (
        float(view.now_us[row]),
        signals.known(view, row, "sold_at"),
        signals.growth(view, row),
    )
    since = max(sold or 0.0, float(growth.since_us) if growth is not None else 0.0)
    if since > 0 and now - since < JUST_SOLD_US:
        return [ClosedGate(reason="just_sold", since_us=int(since))]
    first = float(view.fact("first_seen")[row])
    if sold is None and 0 <= now - first < JUST_SOLD_US:
        return [ClosedGate(reason="first_seen_lately", since_us=int(first))]
    return [ClosedGate(reason="onboarding")] if stage == ONBOARDING else []


def _standing(view: View, evaluation: Evaluation, row: int, band: int | None) -> list[ClosedGate]:
    bands, score = (
        view.program.scorecard.judging(evaluation.variant_of(row)).bands,
        float(evaluation.score[row]),
    )
    if score != score:
        return [ClosedGate(reason="not_enough_evidence")]
    place = sum(score < b.floor for b in bands)
    worst = min(max(place, band if band is not None else 0), len(bands) - 1)
    return [ClosedGate(reason=f"band_{bands[worst].name}")] if worst >= len(bands) // 2 else []
