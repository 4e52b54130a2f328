"""Words the summaries of alerts: who did what, and what to do first."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import band, days, duration, phrase
from healthsvc.core.phrases.grammar import join, number, percent

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s")
MINUTE_SECONDS: Final = 60.0


def summary(language: Language, customer: str, title: str, play: str) -> str:
    """Say who did what, and the first step of the play where there is one."""
    clause, step = _clause_and_step(title, play)
    if not step:
        return phrase(language, "alert.summary", customer=customer, title=clause)
    return phrase(language, "alert.summary_with_step", customer=customer, title=clause, step=step)


def title_with_reason(language: Language, title: str, reason: str) -> str:
    """Say which rule judged, after what the customer did; reason: "" where the title says it
    all."""
    if not reason:
        return title
    bare = title.rstrip(".")
    return phrase(language, "alert.title_with_reason", title=bare, reason=reason)


def band_drop(language: Language, customer: str, before: str, after: str) -> str:
    """Say that the health of a customer fell from one band to another."""
    title = phrase(
        language, "alert.band_drop", before=band(language, before), after=band(language, after)
    )
    return summary(language, customer, title, phrase(language, "alert.band_drop.play"))


def low_band(language: Language, customer: str, name: str) -> str:
    """Say that the health of a customer is in a low band, where no single cause stands out."""
    return phrase(language, "worklist.band", customer=customer, band=band(language, name))


def fleet_guard(language: Language, scope: str, came: float, usual: float, minutes: int) -> str:
    """Say that far fewer events came than usual. scope: fleet, source:NAME or segment:NAME."""
    kind, _, name = scope.partition(":")
    return phrase(
        language,
        "operations.fleet_guard",
        scope=phrase(language, f"scope.{kind}", name=name),
        share=percent(language, came / max(usual, 1.0)),
        came=number(language, came),
        usual=number(language, usual),
        span=duration(language, minutes * MINUTE_SECONDS),
    )


def measures_unfed(language: Language, measures: Sequence[str], within_days: int) -> str:
    """Say that nothing has fed some measures of the scorecard."""
    form = "one" if len(measures) == 1 else "other"
    names = join(language, [f"`{measure}`" for measure in measures])
    return phrase(
        language, f"operations.measures_unfed.{form}", names=names, days=days(language, within_days)
    )


def model_drift(language: Language, rows: int, expected: float, left: float) -> str:
    """Say that more or fewer customers leave than the model predicts. expected, left: shares of the
    rows."""
    return phrase(
        language,
        f"operations.model_drift.{'more' if left > expected else 'fewer'}",
        rows=number(language, rows),
        expected=percent(language, expected, 1),
        left=percent(language, left, 1),
    )


@lru_cache(maxsize=512)
def _clause_and_step(title: str, play: str) -> tuple[str, str]:
    """Return the title within a sentence, and the first sentence of the play. Remembered: alerts
    repeat their rules."""
    return _decapitalized(title).rstrip("."), _SENTENCE_END.split(play.strip(), maxsplit=1)[0]


def _decapitalized(title: str) -> str:
    """A title within a sentence: "Visited …" becomes "visited …"; "NPS …" stays."""
    return title[:1].lower() + title[1:] if title[1:2].islower() or title[1:2] == " " else title
