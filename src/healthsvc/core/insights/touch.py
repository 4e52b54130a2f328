"""The touch tier that a customer's spend, use and conversations suggest. Spend alone never decides:
heavy users with little spend, and customers who talk to us often, are high touch too."""

from dataclasses import dataclass
from typing import Final, Literal

from healthsvc.core.insights.signals import known
from healthsvc.core.scorecard.relationship import HeavyUse, Touch, TouchLine
from healthsvc.core.scoring.loyalty import use_a_day
from healthsvc.core.scoring.view import View

Tier = Literal["high", "low", "tech"]
MONTH_DAYS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why at least this tier: a value that reaches its line."""

    reason: Literal["spend", "use", "conversations"]
    value: float
    line: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedTier:
    tier: Tier
    reasons: tuple[Reason, ...]
    """Empty for tech: nothing asks for more."""


def suggested(
    view: View, row: int, rules: Touch, heavy_use: HeavyUse | None
) -> SuggestedTier | None:
    """None where nothing is known: neither spend, nor use, nor a conversation."""
    spend, use, talks = (
        known(view, row, "mrr"),
        _use(view, row, heavy_use),
        _talks(view, row, rules),
    )
    if spend is None and not use and not talks:
        return None
    lines: tuple[tuple[Tier, TouchLine], ...] = (("high", rules.high), ("low", rules.low))
    for tier, line in lines:
        reasons = _reasons(line, spend, use, talks, heavy_use)
        if reasons:
            return SuggestedTier(tier=tier, reasons=reasons)
    return SuggestedTier(tier="tech", reasons=())


def _reasons(
    line: TouchLine, spend: float | None, use: float, talks: float, heavy_use: HeavyUse | None
) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if line.mrr is not None and spend is not None and spend >= line.mrr:
        reasons.append(Reason(reason="spend", value=spend, line=line.mrr))
    if line.heavy_use and heavy_use is not None and use >= heavy_use.a_day:
        reasons.append(Reason(reason="use", value=use, line=heavy_use.a_day))
    if line.conversations is not None and talks >= line.conversations:
        reasons.append(Reason(reason="conversations", value=talks, line=line.conversations))
    return tuple(reasons)


def _use(view: View, row: int, rule: HeavyUse | None) -> float:
    return 0.0 if rule is None else float(use_a_day(view, rule)[row])


def _talks(view: View, row: int, rules: Touch) -> float:
    """Conversations in 30 days, over the long-standing half-life."""
    longest, total = len(view.program.half_lives_us) - 1, 0.0
    for name in rules.conversations:
        total += float(view.rate(view.program.measures.index(name), longest)[row])
    return total * MONTH_DAYS
