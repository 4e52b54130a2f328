"""What to know before the talk about an alert, ready for JSON: it rides with the alert, in both languages."""

from datetime import datetime
from typing import Any

from healthsvc.core import field_words, opening_words
from healthsvc.core.insights import briefing as briefings
from healthsvc.core.insights import interpretations
from healthsvc.core.insights.signals import Sign
from healthsvc.core.instants import from_us
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View
from healthsvc.core.words import Language


def known(view: View, found: Evaluation, row: int) -> dict[str, Any]:
    """What to know before any talk with a customer: from the state alone."""
    known = briefings.briefing(view, found, row)
    return {
        "happened": [{"flag": h.flag, "title": h.title, "since": _instant(h.since_us)} for h in known.happened],
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
            "signs": [sign(said, "en") for said in known.money],
        },
        "open_matters": [sign(said, "en") for said in known.open_matters],
        "last_contact_at": _instant(known.last_contact_us),
    }


def briefing(view: View, row: int, kind: str, told: dict[str, Any]) -> dict[str, Any]:
    """What to know before the talk about an alert of this kind: what is `known`, and with which question to open, in
    both languages."""
    if kind == interpretations.FLAG:
        return {**told, **_price_briefing(view, row)}
    rule = next((rule for rule in view.program.scorecard.flags if rule.name == kind), None)
    return {**told, "question": opening_words.question(kind, None if rule is None else rule.kind)}


def sign(said: Sign, language: Language) -> dict[str, Any]:
    """A signal with its words and its instant."""
    return {**_said(said, language), "since": from_us(said.since_us)}


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _price_briefing(view: View, row: int) -> dict[str, Any]:
    review = interpretations.review(view, row)
    return {
        "likely": review.likely,
        "readings": [{"reading": r.reading, "evidence": [sign(s, "en") for s in r.evidence]} for r in review.readings],
        "question": {language: field_words.question(language, review.likely) for language in ("en", "pt")},
    }


def _said(said: Sign, language: Language) -> dict[str, Any]:
    return {
        "sign": said.sign,
        "measure": said.measure,
        "value": round(said.value, 4),
        "says": field_words.sign(language, said),
    }
