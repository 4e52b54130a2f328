"""How much is known of a customer, ready for JSON."""

from dataclasses import asdict
from typing import Any

from healthsvc.core.languages import Language
from healthsvc.core.phrases import coverage as coverage_phrases
from healthsvc.core.scoring.coverage import coverage
from healthsvc.flows.customers.evaluated_customer import Seen


def details(seen: Seen, language: Language) -> dict[str, Any]:
    """Share, level, what is missing, and the same in words."""
    subject = coverage(seen.view, seen.found, 0)
    return {
        "share": subject.share,
        "level": subject.level,
        "missing": [asdict(one) for one in subject.missing],
        "sentence": coverage_phrases.coverage(language, subject),
    }
