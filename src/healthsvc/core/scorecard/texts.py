"""Texts that a scorecard gives: titles, plays and reasons, in one language or in both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from healthsvc.core.languages import LANGUAGES, Language
from healthsvc.core.scorecard.reader import ScorecardError


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a scorecard. One that is given in one language stands for both."""

    en: str = ""
    pt: str = ""

    def within(self, language: Language) -> str:
        """Return the text in this language, else in the one that there is."""
        return (self.pt or self.en) if language == "pt" else (self.en or self.pt)

    def __bool__(self) -> bool:
        return bool(self.en or self.pt)


NO_TEXT: Final = Text()


def text(data: object, path: str) -> Text:
    """Read a text from a document: plain, or by language. Raises ScorecardError."""
    if not isinstance(data, Mapping):
        return Text("" if data is None else str(data))
    for language, worded in data.items():
        if language not in LANGUAGES:
            raise ScorecardError(
                f"{path}/{language}", f"is not a language of ours; known: {', '.join(LANGUAGES)}"
            )
        if not isinstance(worded, str) or not worded:
            raise ScorecardError(f"{path}/{language}", "must be a text")
    if not data:
        raise ScorecardError(path, "must be a text, or texts by language")
    return Text(str(data.get("en", "")), str(data.get("pt", "")))
