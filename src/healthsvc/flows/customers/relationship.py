"""Loyalty, fit and touch of one customer."""

from dataclasses import dataclass
from datetime import datetime

from healthsvc.core.insights import touch
from healthsvc.core.insights.touch import Tier
from healthsvc.core.instants import from_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import touches
from healthsvc.core.scoring import icp
from healthsvc.core.scoring.flags.kind import ABOVE
from healthsvc.core.scoring.loyalty import LoyaltyParts
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer

CHANCES = ("answer_from", "promoter", "loyal")
"""Kinds of flags that are chances."""
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoyaltyGround:
    """One ground of loyalty; the points of all add up to it."""

    part: str
    points: float
    best: float
    evidence: str
    value: float | None
    since: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedPlay:
    """What to do with a chance, and the flag or ground that it comes from."""

    because: str
    play: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loyalty:
    """The second axis beside risk; no score: too little evidence, or the customer has left."""

    score: float | None
    contributions: list[LoyaltyGround]
    plays: list[SuggestedPlay]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileMatch:
    """One condition of the ideal profile; matches: None where the attribute isn't known."""

    attribute: str
    value: object
    matches: bool | None
    weight: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFit:
    """How well the customer matches the ideal profile, 0 to 1; None: no attribute is known."""

    fit: float | None
    reasons: list[ProfileMatch]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierReason:
    """A line that the customer reaches."""

    reason: str
    value: float
    line: float
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchTier:
    """The tier that the customer's systems say, and the one that is suggested."""

    tier: Tier | None
    suggested: Tier | None = None
    agrees: bool | None = None
    reasons: list[TierReason]
    sentence: str | None = None
    """The disagreement in words."""


def loyalty(customer: EvaluatedCustomer, language: Language) -> Loyalty:
    """How loyal the customer is, on which grounds, and what to do with it."""
    rules = customer.view.program.relationship
    if rules.loyalty is None or customer.churned:
        return Loyalty(score=None, contributions=[], plays=[])
    parts = customer.batch.loyalty
    score = float(parts.loyalty[customer.row])
    has_score = score == score
    grounds = [_ground(customer, parts, p, language) for p in range(len(rules.loyalty.parts))]
    return Loyalty(
        score=score if has_score else None,
        contributions=grounds if has_score else [],
        plays=_plays(customer, parts, language),
    )


def _ground(
    customer: EvaluatedCustomer, parts: LoyaltyParts, p: int, language: Language
) -> LoyaltyGround:
    rules = customer.view.program.relationship.loyalty
    assert rules is not None  # asked before
    part, row = rules.parts[p], customer.row
    has_value = bool(parts.known[row, p])
    return LoyaltyGround(
        part=part.name,
        points=float(parts.points[row, p]),
        best=float(parts.best[row, p]),
        evidence=part.measure or part.fact or "first_event_at",
        value=float(parts.amount[row, p]) if has_value else None,
        since=from_us(parts.since_us[row, p]) if has_value else None,
        why=part.why.within(language),
    )


def _plays(
    customer: EvaluatedCustomer, parts: LoyaltyParts, language: Language
) -> list[SuggestedPlay]:
    """What to do with the chance; nothing while a flag caps the score: the relationship comes
    first."""
    flags, row = customer.compiled.scorecard.flags, customer.row
    holds = customer.evaluation.flags.place[row] == ABOVE
    rules = customer.view.program.relationship
    assert rules.loyalty is not None  # asked before
    if any(rule.cap is not None and holds[f] for f, rule in enumerate(flags)):
        return []
    raised = [
        (rule.name, rule.play) for f, rule in enumerate(flags) if rule.kind in CHANCES and holds[f]
    ]
    leading = [
        (part.name, part.play)
        for p, part in enumerate(rules.loyalty.parts)
        if parts.value[row, p] >= _HALF
    ]
    return [
        SuggestedPlay(because=name, play=play.within(language))
        for name, play in (*raised, *leading)
        if play
    ]


def profile_fit(customer: EvaluatedCustomer, language: Language) -> ProfileFit:
    """How well the customer matches the ideal profile, condition by condition."""
    result = icp.fit(customer.profile, customer.view.program.relationship.icp)
    return ProfileFit(
        fit=result.fit,
        reasons=[
            ProfileMatch(
                attribute=match.condition.attribute,
                value=match.value,
                matches=match.matches,
                weight=match.condition.weight,
                why=match.condition.why.within(language),
            )
            for match in result.matches
        ],
    )


def touch_tier(customer: EvaluatedCustomer, language: Language) -> TouchTier:
    """The tier of the customer's systems beside the one that spend, use and conversations
    suggest."""
    rules = customer.view.program.relationship
    tier = customer.profile.get("tier") or None
    if rules.touch is None or customer.churned:
        return TouchTier(tier=tier, reasons=[])
    suggestion = touch.suggested(customer.view, customer.row, rules.touch, rules.heavy_use)
    if suggestion is None:
        return TouchTier(tier=tier, reasons=[])
    reasons = [
        TierReason(reason=r.reason, value=r.value, line=r.line, says=touches.reason(language, r))
        for r in suggestion.reasons
    ]
    agrees = None if tier is None else tier == suggestion.tier
    sentence = None
    if tier is not None and not agrees:
        says = [reason.says for reason in reasons]
        sentence = touches.disagreement(language, tier, suggestion.tier, says)
    return TouchTier(
        tier=tier, suggested=suggestion.tier, agrees=agrees, reasons=reasons, sentence=sentence
    )
