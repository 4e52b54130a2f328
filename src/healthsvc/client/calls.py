"""Requests as data: where they go, what they carry, and the shape of the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from healthsvc.wire.rest.shapes import ListAnswer

AnswerT = TypeVar("AnswerT", bound=BaseModel | None)
ItemT = TypeVar("ItemT")
PageT = TypeVar("PageT", bound=ListAnswer[Any])
QueryValue = str | int | float | bool | datetime | Sequence[str] | None
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[AnswerT]):
    """One request.

    answer: the shape of a good answer; NoneType: it has no body. repeatable: whether it may be sent
    again when nobody knows if it was carried out.
    """

    path: str
    answer: type[AnswerT]
    method: Method = "GET"
    query: Mapping[str, QueryValue] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query as text; what is None is left out, a sequence is sent value by value."""
        pairs: list[tuple[str, str]] = []
        for name, value in self.query.items():
            if isinstance(value, str) or not isinstance(value, Sequence):
                pairs += [] if value is None else [(name, _text(value))]
            else:
                pairs += [(name, each) for each in value]
        return pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCall(Generic[PageT, ItemT]):
    """A list that comes in pages. item: the shape of what `page` lists."""

    path: str
    page: type[PageT]
    item: type[ItemT]

    def call(self, query: Mapping[str, QueryValue]) -> Call[PageT]:
        """The request for one page."""
        return Call(path=self.path, answer=self.page, query=query)

    def items(self, page: PageT) -> list[ItemT]:
        items: list[ItemT] = page.items
        return items

    def next_call(self, call: Call[PageT], page: PageT) -> Call[PageT] | None:
        """The request for the page after this one; None: it was the last."""
        if page.next_cursor is None:
            return None
        return replace(call, query={**call.query, "cursor": page.next_cursor})


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def _text(value: str | int | float | bool | datetime) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
