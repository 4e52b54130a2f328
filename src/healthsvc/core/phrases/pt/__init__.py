"""Brazilian Portuguese phrases, in the words of customer success teams in Brazil."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.phrases.pt.nouns import BANDS, NOUNS
from healthsvc.core.phrases.pt.questions import QUESTIONS
from healthsvc.core.phrases.pt.sentences import SENTENCES
from healthsvc.core.phrases.pt.signs import SIGNS

__all__ = ["BANDS", "NOUNS", "PHRASES"]

PHRASES: Final[Mapping[str, str]] = {**SENTENCES, **SIGNS, **QUESTIONS}
