"""Numbers, dates, plurals, lists and contractions, as each language writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from healthsvc.core.languages import Language

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SWAPPED: Final = str.maketrans(",.", ".,")
_AND: Final[dict[Language, str]] = {"en": "and", "pt": "e"}
_CONTRACTED: Final = {"de": "d", "em": "n", "por": "pel"}
ARTICLES: Final = ("o", "a", "os", "as")


@dataclass(frozen=True, slots=True)
class Noun:
    """What a measure or a flag is called within a sentence, with its article."""

    text: str
    plural: bool = False


def number(language: Language, value: float, decimals: int = 0) -> str:
    """Write 1234.5 as 1,234.5 or 1.234,5."""
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    return text.translate(_SWAPPED) if language == "pt" else text


def plain(language: Language, value: float) -> str:
    """Write a number with as many decimals as it needs, two at most."""
    needed = next(
        decimals
        for decimals in (0, 1, 2)
        if decimals == 2 or abs(value - round(value, decimals)) < 1e-9
    )
    return number(language, value, needed)


def percent(language: Language, share: float, decimals: int = 0) -> str:
    """Write a share of 0.12 as 12%; both languages write it without a space."""
    return f"{number(language, 100 * share, decimals)}%"


def day(language: Language, at: datetime) -> str:
    """Write a date: 5 May 2026, or 05/05/2026."""
    return f"{at:%d/%m/%Y}" if language == "pt" else f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def is_singular(language: Language, count: float) -> bool:
    """Whether a noun beside this count stands in the singular: 1 in English, above 0 and below 2 in
    Portuguese."""
    return count == 1 if language == "en" else 0 < abs(count) < 2


def join(language: Language, items: Sequence[str]) -> str:
    """Write a list: a, b and c."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {_AND[language]} {items[-1]}"


def contract(preposition: str, phrase: str) -> str:
    """Join a Portuguese preposition (de, em, por) with the article that the phrase begins with: de
    + as = das."""
    article, _, rest = phrase.partition(" ")
    if article in ARTICLES and rest:
        return f"{_CONTRACTED[preposition]}{article} {rest}"
    return f"{preposition} {phrase}"


def without_article(language: Language, noun: Noun) -> str:
    """The bare noun in Portuguese, where a list in brackets has no articles; English keeps its
    own."""
    article, _, rest = noun.text.partition(" ")
    return rest if language == "pt" and article in ARTICLES and rest else noun.text


def capitalized(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def as_sentence(text: str) -> str:
    """The text with a capital at its beginning and a full stop at its end."""
    return capitalized(text) if text.endswith((".", "!", "?", "…")) else f"{capitalized(text)}."
