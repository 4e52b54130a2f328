"""How much is known of a customer."""

from collections.abc import Sequence
from dataclasses import dataclass

from healthsvc.core.languages import Language
from healthsvc.core.phrases import coverage as coverage_phrases
from healthsvc.core.scoring.coverage import Level, MissingMeasure, coverage
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedCoverage:
    """Share, level, what is missing, and the same in words."""

    share: float
    level: Level
    missing: Sequence[MissingMeasure]
    sentence: str


def details(customer: EvaluatedCustomer, language: Language) -> WordedCoverage:
    """How much of the scorecard there is evidence for."""
    subject = coverage(customer.view, customer.evaluation, customer.row)
    return WordedCoverage(
        share=subject.share,
        level=subject.level,
        missing=subject.missing,
        sentence=coverage_phrases.coverage(language, subject),
    )
