"""Says why a score is what it is, in one to three sentences that can be read out to the
customer."""

from collections.abc import Sequence
from typing import Final, Protocol

from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import noun, phrase
from healthsvc.core.phrases.grammar import as_sentence, contract, join, number

GOOD: Final = 0.7
"""A measure with this share of what it could give helps; one with less weighs on the score."""
LEAST_BEST: Final = 0.5
"""Measures that could give fewer points than this aren't named."""
NAMED: Final = 2


class Pointed(Protocol):
    """Whatever puts points into a score: a measure, a cap, an override."""

    @property
    def measure(self) -> str: ...
    @property
    def points(self) -> float: ...
    @property
    def best(self) -> float: ...


Contributions = Sequence[Pointed]


FROZEN: Final = "frozen_at_churn"
"""The measure under which the score stands that a customer had when it left."""


def why(
    language: Language, customer: str, score: float | None, contributions: Contributions
) -> str:
    """Word the explanation. contributions: caps and override included."""
    if score is None:
        return phrase(language, "health.unknown", customer=customer)
    if any(c.measure == FROZEN for c in contributions):
        text = phrase(language, "health.left", customer=customer, score=number(language, score))
        return as_sentence(text)
    head = phrase(language, "health.is", customer=customer, score=number(language, score))
    details = "; ".join(part for part in _helped_and_weighed(language, contributions) if part)
    sentences = [head, details, *_limits(language, contributions)]
    return " ".join(as_sentence(sentence) for sentence in sentences if sentence)


def _helped_and_weighed(language: Language, contributions: Contributions) -> tuple[str, str]:
    parts_judged = [c for c in contributions if c.best > LEAST_BEST]
    good = [c for c in parts_judged if c.points >= GOOD * c.best]
    bad = [c for c in parts_judged if c.points < GOOD * c.best]
    good.sort(key=lambda c: -c.points)
    bad.sort(key=lambda c: c.points - c.best)
    return _named(language, "health.helps", good[:NAMED]), _named(
        language, "health.costs", bad[:NAMED]
    )


def _named(language: Language, key: str, contributions: Contributions) -> str:
    if not contributions:
        return ""
    nouns = [noun(language, c.measure) for c in contributions]
    form = "other" if len(nouns) > 1 or nouns[0].plural else "one"
    return phrase(language, f"{key}.{form}", what=join(language, [n.text for n in nouns]))


def _limits(language: Language, contributions: Contributions) -> list[str]:
    """Say that a flag caps the score, or that somebody set it."""
    sentences: list[str] = []
    caps = [c.measure for c in contributions if c.measure.startswith("cap:")]
    if caps:
        flag = noun(language, caps[0]).text
        what = contract("por", flag) if language == "pt" else flag
        sentences.append(phrase(language, "health.capped", what=what))
    if any(c.measure == "override" for c in contributions):
        sentences.append(phrase(language, "health.override"))
    return sentences
