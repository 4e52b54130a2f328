"""The languages that answers are worded in, and which of them a request asks for."""

import re
from typing import Final, Literal

Language = Literal["en", "pt"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "pt")
DEFAULT: Final[Language] = "en"
TAGS: Final[dict[Language, str]] = {"en": "en", "pt": "pt-BR"}
"""As the header Content-Language names them."""
ALLOWED: Final = "en or pt, also with a region, such as en-US or pt-BR"
TAG_PATTERN: Final = "^([eE][nN]|[pP][tT])([-_][a-zA-Z0-9]{2,8}){0,3}$"
"""The language tags that name one of ours (BCP 47; `_` is taken as well as `-`)."""

_TAG: Final = re.compile(TAG_PATTERN)
_WEIGHT: Final = re.compile(r"\s*[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*")
_MOST_RANGES: Final = 50


def named(tag: str) -> Language | None:
    """Return the language of a tag such as `pt-BR`; None where it isn't one of ours."""
    if _TAG.fullmatch(tag) is None:
        return None
    return "pt" if tag[:2].lower() == "pt" else "en"


def accepted(header: str) -> Language:
    """Return the language that an Accept-Language header prefers (RFC 9110, 12.5.4); English where
    it names none.

    Of languages with the same weight the one named first wins.
    """
    weights: dict[str, float] = {}
    for part in header.split(",")[:_MOST_RANGES]:
        tag, weight = _range(part)
        key = tag if tag == "*" else named(tag)
        if key is not None and weight is not None:
            weights[key] = max(weight, weights.get(key, 0.0))
    any_other = weights.pop("*", 0.0)
    first_named = [language for key in weights for language in LANGUAGES if language == key]
    candidates = [*first_named, *(language for language in LANGUAGES if language not in weights)]
    best = max(candidates, key=lambda language: weights.get(language, any_other))
    return best if weights.get(best, any_other) > 0 else DEFAULT


def _range(part: str) -> tuple[str, float | None]:
    """Split one range from its weight; None: the weight can't be read."""
    tag, separator, parameters = part.partition(";")
    if not separator:
        return tag.strip(), 1.0
    language = _WEIGHT.fullmatch(parameters)
    return tag.strip(), None if language is None else float(language[1])
