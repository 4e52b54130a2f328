"""Says how much is known of a customer, and what is missing."""

from typing import Final

from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import noun, phrase
from healthsvc.core.phrases.grammar import join, percent
from healthsvc.core.scoring.coverage import Coverage

NAMED: Final = 3
"""So many missing measures are named, the heaviest ones."""


def coverage(language: Language, subject: Coverage) -> str:
    """Say it in one or two sentences."""
    share = percent(language, subject.share)
    head = phrase(language, f"coverage.{subject.level}", share=share)
    if not subject.missing:
        return head
    nouns = [noun(language, one.measure).text for one in subject.missing[:NAMED]]
    key = "coverage.missing_most" if len(subject.missing) > NAMED else "coverage.missing"
    return f"{head} {phrase(language, key, what=join(language, nouns))}"
