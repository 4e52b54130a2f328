"""English phrases: British spelling, as a customer success manager would say them."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.phrases.en.nouns import BANDS, NOUNS
from healthsvc.core.phrases.en.questions import QUESTIONS
from healthsvc.core.phrases.en.sentences import SENTENCES
from healthsvc.core.phrases.en.signs import SIGNS

__all__ = ["BANDS", "NOUNS", "PHRASES"]

PHRASES: Final[Mapping[str, str]] = {**SENTENCES, **SIGNS, **QUESTIONS}
