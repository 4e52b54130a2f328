"""Lists as files: which form a request asks for, and the stream of all pages of a list."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import StreamingResponse

from healthsvc.api.responses import Responses
from healthsvc.wire.rest.exports import (
    CSV,
    MEDIA_TYPES,
    NDJSON,
    Format,
    csv_rows,
    flattened,
    ndjson,
)

QueryT = TypeVar("QueryT", bound=BaseModel)
PAGE: Final = 250
TYPES: Final = {"csv": f"{CSV}; charset=utf-8", "ndjson": NDJSON}


class FilePage(Protocol):
    """One page of a list."""

    @property
    def items(self) -> Sequence[BaseModel | Mapping[str, Any]]: ...
    @property
    def next_cursor(self) -> str | None: ...


def format_of(request: Request, asked: Format | None) -> Format:
    """The form of the answer: the query's `format`, else what `Accept` prefers, else JSON."""
    return asked or accepted_format(request.headers.get("accept", ""))


def also_as_files(responses: Responses, columns: Sequence[str]) -> Responses:
    """What OpenAPI says of a list that can be a file, too; columns: those of CSV."""
    items = responses[200]["content"]["application/json"]["example"]["items"]
    table = csv_rows([columns, *(flattened(item, columns) for item in items)])
    return with_files(responses, table, ndjson(items).decode())


def with_files(responses: Responses, table: str, lines: str) -> Responses:
    """The same of any route, with its examples."""
    files: dict[str, Any] = {
        CSV: {"schema": {"type": "string"}, "example": table},
        NDJSON: {"schema": {"type": "string"}, "example": lines},
    }
    good = {**responses[200], "content": responses[200]["content"] | files}
    return responses | {200: good}


def accepted_format(accept: str) -> Format:
    """The form that an Accept header prefers of those that there are (RFC 9110, 12.5.1)."""
    best: Format = "json"
    best_weight = 0.0
    for part in accept.split(","):
        media_type, _, parameters = part.strip().partition(";")
        form = MEDIA_TYPES.get(media_type.strip().lower())
        if form is None and media_type.strip() in ("*/*", "application/*"):
            form = "json"
        weight = _weight(parameters)
        if form is not None and weight > best_weight:
            best, best_weight = form, weight
    return best


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


async def stream(
    form: Format,
    name: str,
    columns: Sequence[str],
    query: QueryT,
    page_of: Callable[[QueryT], Awaitable[FilePage]],
) -> StreamingResponse:
    """A list as a file, read page by page while it is sent: to its end, unless the query has a
    limit.

    columns: the members that CSV shows, inner ones with dots. What is wrong with the request is
    raised here, before the answer begins.
    """
    follow = "limit" not in query.model_fields_set
    if follow:
        query = query.model_copy(update={"limit": PAGE})
    first = await page_of(query)

    async def parts() -> AsyncIterator[str | bytes]:
        page = first
        if form == "csv":
            yield csv_rows([columns])
        while True:
            yield _rendered(form, columns, page)
            if page.next_cursor is None or not follow:
                return
            page = await page_of(query.model_copy(update={"cursor": page.next_cursor}))

    headers = {"content-disposition": f'attachment; filename="{name}.{form}"', "vary": "Accept"}
    return StreamingResponse(parts(), media_type=TYPES[form], headers=headers)


def _rendered(form: Format, columns: Sequence[str], page: FilePage) -> str | bytes:
    items = [
        item.model_dump(by_alias=True) if isinstance(item, BaseModel) else item
        for item in page.items
    ]
    if form == "csv":
        return csv_rows(flattened(item, columns) for item in items)
    return ndjson(items)
