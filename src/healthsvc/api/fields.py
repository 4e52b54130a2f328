"""The parameter `fields` of routes that answer about one thing."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Query
from pydantic import BaseModel

from healthsvc.api.problems import RequestFault, invalid
from healthsvc.core.nearest import hint
from healthsvc.wire.rest import sparse
from healthsvc.wire.rest.sparse import FieldsAsked

Fields = Annotated[FieldsAsked, Query()]
NO_FIELDS: Final[list[str]] = []


def checked(texts: Sequence[str], model: type[BaseModel]) -> tuple[str, ...]:
    """The members that are asked for. Raises ProblemError, which says which ones were meant."""
    names = sparse.split(texts)
    strangers = sparse.unknown(names, model)
    if strangers:
        known = sparse.paths(model)
        raise invalid(
            *(RequestFault(pointer="/query/fields", detail=hint(each, known)) for each in strangers)
        )
    return names
