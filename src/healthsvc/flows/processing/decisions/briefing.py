"""What to know before the talk about an alert, ready for JSON: it rides with the alert."""

from datetime import datetime
from typing import Any

from healthsvc.core.insights import briefing as briefings
from healthsvc.core.insights import interpretations
from healthsvc.core.insights.signals import Signal
from healthsvc.core.instants import from_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import insights, openings
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View


def known(view: View, found: Evaluation, row: int, language: Language) -> dict[str, Any]:
    """What to know before any talk with a customer: from the state alone."""
    known = briefings.briefing(view, found, row)
    return {
        "happened": [
            {"flag": h.flag, "title": h.title.within(language), "since": _instant(h.since_us)}
            for h in known.happened
        ],
        "use": {
            "functions_used": known.use.functions_used,
            "functions_owned": known.use.functions_owned,
            "sessions_a_week": known.use.sessions_a_week,
            "against_habit": known.use.against_habit,
            "last_seen_at": _instant(known.use.last_seen_us),
        },
        "money": {
            "mrr": known.mrr,
            "renewal_at": _instant(known.renewal_us),
            "signs": [sign(said, language) for said in known.money],
        },
        "open_matters": [sign(said, language) for said in known.open_matters],
        "last_contact_at": _instant(known.last_contact_us),
    }


def briefing(
    view: View, row: int, kind: str, told: dict[str, Any], language: Language
) -> dict[str, Any]:
    """What to know before the talk about an alert of this kind: what is `known`, and with which
    question to open, in both languages."""
    if kind == interpretations.FLAG:
        return {**told, **_price_briefing(view, row, language)}
    rule = next((rule for rule in view.program.scorecard.flags if rule.name == kind), None)
    return {**told, "question": openings.questions(kind, None if rule is None else rule.kind)}


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


def sign(said: Signal, language: Language) -> dict[str, Any]:
    """A signal with its words and its instant."""
    return {**_said(said, language), "since": from_us(said.since_us)}


def _said(said: Signal, language: Language) -> dict[str, Any]:
    return {
        "sign": said.sign,
        "measure": said.measure,
        "value": round(said.value, 4),
        "says": insights.sign(language, said.sign, said.value),
    }
