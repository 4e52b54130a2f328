"""The parameter `fields`: its check, and what it leaves of a list."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Query
from pydantic import BaseModel

from healthsvc.api.problems import RequestFault, invalid
from healthsvc.core.nearest import hint
from healthsvc.wire.rest import sparse
from healthsvc.wire.rest.shapes import ListAnswer
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


class SparseList(NamedTuple):
    """One page of a list, with the members of each item that are asked for."""

    answer: BaseModel | Mapping[str, Any]
    items: Sequence[BaseModel | Mapping[str, Any]]
    next_cursor: str | None


def sparse_list(answer: ListAnswer[Any], names: Sequence[str]) -> SparseList:
    """The page with these members; no names: as it is."""
    if not names:
        return SparseList(answer, answer.items, answer.next_cursor)
    members = answer.model_dump(by_alias=True)
    items = sparse.select(members["items"], names)
    return SparseList(members | {"items": items}, items, answer.next_cursor)
