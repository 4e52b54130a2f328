"""Says what signs, the readings of a pricing page, a search for help, and a disagreement with the
money mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from healthsvc.core.insights.disagreements import Disagreement
from healthsvc.core.insights.interpretations import Review
from healthsvc.core.insights.page_visits import Concern
from healthsvc.core.insights.signals import Signal
from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import PHRASES, counted, has, phrase
from healthsvc.core.phrases.grammar import join, number, percent, plain


@lru_cache(maxsize=4096)
def sign(language: Language, name: str, value: float) -> str:
    """Word a sign: a clause without a full stop. value: as the sign has it. Remembered: briefings
    repeat them."""
    key = f"sign.{name}"
    if has(f"{key}.one"):
        return counted(language, key, round(max(value, 0.0)))
    return PHRASES[language][key].format_map(_Figures(language, value))


@dataclass(frozen=True, slots=True)
class _Figures:
    """A sign's value as its clause wants it; written only where the clause asks for it."""

    language: Language
    value: float

    def __getitem__(self, placeholder: str) -> str:
        match placeholder:
            case "share":
                return percent(self.language, self.value)
            case "money":
                return number(self.language, abs(self.value))
            case _:
                return plain(self.language, self.value)


def review(language: Language, subject: Review) -> str:
    """Say which reading of the pricing page is likely, or that it stays open."""
    if subject.likely is not None:
        evidence = next(
            reading.evidence for reading in subject.readings if reading.reading == subject.likely
        )
        return phrase(
            language,
            "review.likely",
            reading=phrase(language, f"reading.{subject.likely}"),
            evidence="; ".join(_sign(language, one) for one in evidence),
        )
    has_evidence = any(reading.evidence for reading in subject.readings)
    return phrase(language, "review.several" if has_evidence else "review.nothing")


def help_wanted(language: Language, customer: str, concerns: Sequence[Concern]) -> str:
    """Say with which features the customer needs help."""
    if not concerns:
        return phrase(language, "help.unknown", customer=customer)
    features = join(language, [concern.function for concern in concerns])
    return phrase(language, "help.with", customer=customer, features=features)


def disagreement(language: Language, case: Disagreement) -> str:
    """Say what the score says, and what the money says."""
    return phrase(language, f"disagreement.{case.score}", sign=_sign(language, case.money))


def _sign(language: Language, signal: Signal) -> str:
    return sign(language, signal.sign, signal.value)
