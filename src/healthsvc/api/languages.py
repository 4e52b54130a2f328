"""Which language an answer is worded in: the query's `language`, else what Accept-Language prefers,
else English."""

from typing import Annotated, Final

from fastapi import Depends, Header, Query
from starlette.responses import Response

from healthsvc.core.languages import TAGS, Language, accepted
from healthsvc.wire.rest.languages import DESCRIPTION, LanguageTag

VARY: Final = "Accept-Language"


def preferred(
    accept_language: Annotated[
        list[str] | None,
        Header(description="Languages by preference, with weights, for example `pt-BR, en;q=0.5`."),
    ] = None,
) -> Language:
    """The language that the header prefers; English where it names none of ours."""
    return accepted(",".join(accept_language or ()))


Preferred = Annotated[Language, Depends(preferred)]


def chosen(
    prefers: Preferred,
    language: Annotated[LanguageTag | None, Query(description=DESCRIPTION)] = None,
) -> Language:
    """The language of a route whose query has no model."""
    return language or prefers


Chosen = Annotated[Language, Depends(chosen)]


def mark(response: Response, language: Language) -> None:
    """Set the headers that name the answer's language and its dependence on the request's."""
    response.headers["content-language"] = TAGS[language]
    response.headers.add_vary_header(VARY)
