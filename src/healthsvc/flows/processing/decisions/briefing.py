"""Prepares a customer success manager's talk about an alert, as data ready for JSON that is stored
and sent with the alert."""

from datetime import datetime
from typing import Any

from healthsvc.core.insights import briefing as briefings
from healthsvc.core.insights import interpretations
from healthsvc.core.insights.rule_reasons import RuleReason
from healthsvc.core.insights.signals import Signal
from healthsvc.core.instants import from_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import insights, openings, rule_reasons
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View


def common_facts(
    view: View, evaluation: Evaluation, row: int, language: Language
) -> dict[str, Any]:
    """The part of a briefing that is the same for all alerts of a customer, from the state
    alone."""
    facts = briefings.briefing(view, evaluation, row)
    return {
        "happened": [
            {
                "flag": h.flag,
                "title": h.title.within(language),
                "since": _instant(h.since_us),
                "reason": None if h.reason is None else reason(h.reason, language),
            }
            for h in facts.happened
        ],
        "use": {
            "functions_used": facts.use.functions_used,
            "functions_owned": facts.use.functions_owned,
            "sessions_a_week": facts.use.sessions_a_week,
            "against_habit": facts.use.against_habit,
            "last_seen_at": _instant(facts.use.last_seen_us),
        },
        "money": {
            "mrr": facts.mrr,
            "renewal_at": _instant(facts.renewal_us),
            "signs": [sign(signal, language) for signal in facts.money],
        },
        "open_matters": [sign(signal, language) for signal in facts.open_matters],
        "last_contact_at": _instant(facts.last_contact_us),
    }


def reason(rule: RuleReason, language: Language) -> dict[str, Any]:
    """The rule that judged with its figures, and both in words."""
    return {
        "rule": rule.rule,
        "usual_days": round(rule.usual_days, 1) or None,
        "quiet_days": round(rule.quiet_days, 1) or None,
        "share": round(rule.share, 4) or None,
        "says": rule_reasons.rule_reason(language, rule),
    }


def briefing(
    view: View, row: int, kind: str, common: dict[str, Any], language: Language
) -> dict[str, Any]:
    """The briefing of one kind of alert: the common facts, and the question to open with in both
    languages."""
    if kind == interpretations.FLAG:
        return {**common, **_price_briefing(view, row, language)}
    rule = next((rule for rule in view.program.scorecard.flags if rule.name == kind), None)
    return {**common, "question": openings.questions(kind, None if rule is None else rule.kind)}


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _price_briefing(view: View, row: int, language: Language) -> dict[str, Any]:
    review = interpretations.review(view, row)
    return {
        "likely": review.likely,
        "readings": [
            {"reading": r.reading, "evidence": [sign(s, language) for s in r.evidence]}
            for r in review.readings
        ],
        "question": openings.reading_questions(review.likely),
    }


def sign(signal: Signal, language: Language) -> dict[str, Any]:
    """A signal with its words and its instant."""
    return {**_wording(signal, language), "since": from_us(signal.since_us)}


def _wording(signal: Signal, language: Language) -> dict[str, Any]:
    return {
        "sign": signal.sign,
        "measure": signal.measure,
        "value": round(signal.value, 4),
        "says": insights.sign(language, signal.sign, signal.value),
    }
