"""Chooses the question that opens the talk about an alert."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.insights.interpretations import ReadingName
from healthsvc.core.languages import LANGUAGES, Language
from healthsvc.core.phrases.catalogue import has, phrase

_SAME: Final[Mapping[str, str]] = {
    "silent": "silence",
    "usage_drop": "drop",
    "fading": "drop",
    "visits_fading": "silence",
    "detractor": "unhappy",
    "silent_unhappy": "unhappy",
    "silent_before_renewal": "renewal",
    "drop_before_renewal": "renewal",
    "renewal_near": "renewal",
}
"""Alerts that share a question with others."""
_BY_FLAG_KIND: Final[Mapping[str, str]] = {
    "absence": "silence",
    "drop": "drop",
    "fading": "drop",
    "ahead": "renewal",
    "unstarted": "never_started",
}


def reading_question(language: Language, reading: ReadingName | None) -> str:
    """Return the question for a reading of the pricing page; None: nothing tells the readings
    apart."""
    return phrase(language, f"question.{reading or 'open'}")


def reading_questions(reading: ReadingName | None) -> dict[str, str]:
    """Return the same in every language."""
    return {language: reading_question(language, reading) for language in LANGUAGES}


def questions(alert: str, flag_kind: str | None) -> dict[str, str]:
    """Return the question by language. alert: its kind; flag_kind: of a scorecard's own flag, None
    where it isn't."""
    key = f"question.{_SAME.get(alert, alert)}"
    if not has(key):
        key = f"question.{_BY_FLAG_KIND.get(flag_kind or '', 'open')}"
    return {language: phrase(language, key) for language in LANGUAGES}
