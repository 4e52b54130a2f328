"""How a request names the language of its answer."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from healthsvc.core.languages import ALLOWED, TAG_PATTERN, Language, named
from healthsvc.wire.rest.shapes import Queried

DESCRIPTION = (
    "The language of everything that is said in words; left out: what `Accept-Language` prefers,"
    " else en."
)


def _language(tag: Any) -> Language:
    language = named(tag) if isinstance(tag, str) else None
    if language is None:
        raise ValueError(f"must be {ALLOWED}")
    return language


LanguageTag = Annotated[
    Language,
    BeforeValidator(_language),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": TAG_PATTERN,
            "examples": ["en", "en-US", "en-GB", "pt", "pt-BR"],
        }
    ),
]


class Worded(Queried):
    """Whatever asks for an answer that says something in words."""

    language: Annotated[LanguageTag | None, Field(description=DESCRIPTION)] = None
