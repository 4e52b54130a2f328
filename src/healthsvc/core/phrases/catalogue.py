"""Looks a phrase up in the tables of a language and puts its figures in."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.languages import Language
from healthsvc.core.phrases import en, pt
from healthsvc.core.phrases.grammar import Noun, is_singular, plain
from healthsvc.core.scorecard.texts import Text

PHRASES: Final[Mapping[Language, Mapping[str, str]]] = {"en": en.PHRASES, "pt": pt.PHRASES}
NOUNS: Final[Mapping[Language, Mapping[str, Noun]]] = {"en": en.NOUNS, "pt": pt.NOUNS}
BANDS: Final[Mapping[Language, Mapping[str, str]]] = {"en": en.BANDS, "pt": pt.BANDS}

SPANS: Final = ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"))


def phrase(language: Language, key: str, **given: str) -> str:
    """Return the phrase of this key with what is given in its placeholders."""
    return PHRASES[language][key].format(**given)


def text_of(key: str) -> Text:
    """Return a phrase without placeholders in both languages."""
    return Text(en=PHRASES["en"][key], pt=PHRASES["pt"][key])


def has(key: str) -> bool:
    """Whether there is such a phrase; both languages have the same."""
    return key in PHRASES["en"]


def counted(language: Language, key: str, count: float, **given: str) -> str:
    """Return the form of the phrase that fits `count`, which stands for `{n}`.

    Forms are `KEY.one` and `KEY.other`, and `KEY.zero` where nought is said otherwise.
    """
    if count == 0 and has(f"{key}.zero"):
        return phrase(language, f"{key}.zero", **given)
    form = "one" if is_singular(language, count) else "other"
    return phrase(language, f"{key}.{form}", n=plain(language, count), **given)


def days(language: Language, count: float) -> str:
    """Write a span in days: 90 days, 1 day, 0.5 days."""
    return counted(language, "span.day", count)


def duration(language: Language, seconds: float) -> str:
    """Write a span in its largest whole unit: 12 minutes, 1 hour, 3 days."""
    rounded = max(seconds, 60.0)
    size, unit = next(span for span in SPANS if rounded >= span[0])
    return counted(language, f"span.{unit}", int(rounded / size))


def noun(language: Language, measure: str) -> Noun:
    """Return what a measure, or the flag of a cap, is called; one of the operator's own by its name
    in quotes."""
    name = measure.removeprefix("cap:")
    known = NOUNS[language].get(name)
    if known is not None:
        return known
    key = "noun.own_flag" if measure.startswith("cap:") else "noun.own_measure"
    return Noun(phrase(language, key, name=readable(name)))


def band(language: Language, name: str) -> str:
    """Return what a band is called; one of the operator's own as it is written."""
    return BANDS[language].get(name) or readable(name)


def readable(name: str) -> str:
    """A name of a scorecard as people write it."""
    return name.replace("_", " ")
