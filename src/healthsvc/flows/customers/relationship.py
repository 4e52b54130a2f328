"""Loyalty, fit and touch of one customer, ready for JSON."""

from typing import Any

from healthsvc.core.insights import touch
from healthsvc.core.instants import from_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import touches
from healthsvc.core.scoring import icp
from healthsvc.core.scoring.loyalty import LoyaltyParts, loyalty_parts
from healthsvc.flows.customers.evaluated_customer import Seen

CHANCES = ("answer_from", "loyal")
"""Kinds of flags that are chances."""
_HALF = 0.5


def told(seen: Seen, language: Language) -> dict[str, Any]:
    """What the customer's answer says beyond score and risk."""
    return {
        "loyalty": _loyalty(seen, language),
        "icp": _icp(seen, language),
        "touch": _touch(seen, language),
    }


def _loyalty(seen: Seen, language: Language) -> dict[str, Any]:
    rules = seen.view.program.relationship
    if rules.loyalty is None or seen.found.churned[0]:
        return {"score": None, "contributions": [], "plays": []}
    found = loyalty_parts(seen.view, rules.loyalty, rules.heavy_use)
    score = float(found.loyalty[0])
    known = score == score
    return {
        "score": score if known else None,
        "contributions": [_part(seen, found, p, language) for p in range(len(rules.loyalty.parts))]
        if known
        else [],
        "plays": _plays(seen, found, language),
    }


def _part(seen: Seen, found: LoyaltyParts, p: int, language: Language) -> dict[str, Any]:
    rules = seen.view.program.relationship.loyalty
    assert rules is not None  # asked before
    part, known = rules.parts[p], bool(found.known[0, p])
    return {
        "part": part.name,
        "points": float(found.points[0, p]),
        "best": float(found.best[0, p]),
        "evidence": part.measure or part.fact or "first_event_at",
        "value": float(found.amount[0, p]) if known else None,
        "since": from_us(found.since_us[0, p]) if known else None,
        "why": part.why.within(language),
    }


def _plays(seen: Seen, found: LoyaltyParts, language: Language) -> list[dict[str, str]]:
    """What to do with the chance; nothing while a flag caps the score: the relationship comes
    first."""
    flags, holds, rules = (
        seen.compiled.scorecard.flags,
        seen.found.flags.holds[0],
        seen.view.program.relationship,
    )
    assert rules.loyalty is not None  # asked before
    if any(rule.cap is not None and holds[f] for f, rule in enumerate(flags)):
        return []
    raised = [
        (rule.name, rule.play) for f, rule in enumerate(flags) if rule.kind in CHANCES and holds[f]
    ]
    shown = [
        (part.name, part.play)
        for p, part in enumerate(rules.loyalty.parts)
        if found.value[0, p] >= _HALF
    ]
    return [
        {"because": name, "play": play.within(language)} for name, play in (*raised, *shown) if play
    ]


def _icp(seen: Seen, language: Language) -> dict[str, Any]:
    profile = seen.table.profile_values(0) if seen.table.has_profile(0) else {}
    found = icp.fit(profile, seen.view.program.relationship.icp)
    return {
        "fit": found.fit,
        "reasons": [
            {
                "attribute": match.condition.attribute,
                "value": match.value,
                "matches": match.matches,
                "weight": match.condition.weight,
                "why": match.condition.why.within(language),
            }
            for match in found.matches
        ],
    }


def _touch(seen: Seen, language: Language) -> dict[str, Any]:
    rules = seen.view.program.relationship
    profile = seen.table.profile_values(0) if seen.table.has_profile(0) else {}
    tier = profile.get("tier") or None
    found = (
        None if rules.touch is None else touch.suggested(seen.view, 0, rules.touch, rules.heavy_use)
    )
    if found is None or seen.found.churned[0]:
        return {"tier": tier, "suggested": None, "agrees": None, "reasons": [], "sentence": None}
    reasons = [
        {
            "reason": r.reason,
            "value": r.value,
            "line": r.line,
            "says": touches.reason(language, r),
        }
        for r in found.reasons
    ]
    agrees = None if tier is None else tier == found.tier
    sentence = None
    if tier is not None and not agrees:
        sentence = touches.disagreement(
            language, tier, found.tier, [str(reason["says"]) for reason in reasons]
        )
    return {
        "tier": tier,
        "suggested": found.tier,
        "agrees": agrees,
        "reasons": reasons,
        "sentence": sentence,
    }
