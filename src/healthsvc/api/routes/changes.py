"""The change feed: what was decided, for whoever polls or listens."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from healthsvc.api import event_stream
from healthsvc.api.auth import Principal, may_still, require
from healthsvc.api.change_feed import ChangeFeed
from healthsvc.api.deps import Services, services
from healthsvc.api.problem_types import CURSOR_EXPIRED, INVALID_CURSOR, INVALID_REQUEST
from healthsvc.api.problems import ProblemError, RequestFault, invalid, respond
from healthsvc.api.responses import answers
from healthsvc.core.changes import filter_input, position
from healthsvc.core.changes.filter import NO_FILTER, ChangeFilter
from healthsvc.core.changes.filter_input import FilterError, KnownNames
from healthsvc.core.changes.position import Place
from healthsvc.flows.alerts.evaluated_customers import live_scorecard
from healthsvc.flows.changes import feed
from healthsvc.flows.changes.feed import CursorExpired, FeedPage
from healthsvc.wire import change_cursors
from healthsvc.wire.api_keys import Scope
from healthsvc.wire.rest.changes import (
    CHANGE_EXAMPLE,
    Changes,
    ChangesAsked,
    ChangesFiltered,
)
from healthsvc.wire.webhooks.registry import CHANGE_TYPES

router = APIRouter(tags=["changes"])
SCOPE: Final[Scope] = "customers:read"
Reader = Annotated[Principal, require(SCOPE)]
STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": (
            "Server-sent events: `data` is a change as `GET /v1/changes` lists it, `id` the cursor"
            " behind it."
        ),
        "content": {
            event_stream.MEDIA_TYPE: {
                "schema": {"type": "string"},
                "example": f"id: AQEABwAAVqo\ndata: {json.dumps(CHANGE_EXAMPLE)}\n\n",
            }
        },
    }
}


@router.get(
    "/v1/changes",
    operation_id="list_changes",
    summary="Follow what changes",
    response_class=Response,
    responses=answers(Changes, INVALID_REQUEST, INVALID_CURSOR, CURSOR_EXPIRED),
)
async def list_changes(
    request: Request, _: Reader, query: Annotated[ChangesAsked, Query()]
) -> Response:
    """What was decided about customers and the service: the same as webhooks say, with the same
    ids. Pass `next_cursor` as `cursor`, again and again: nothing ever appears behind a cursor that
    was given, and the changes of one customer come in the order of their `sequence`.

    Without a cursor the feed begins with the oldest changes that are kept
    (`HEALTHSVC_CHANGES_RETENTION_DAYS`, 30), with `cursor=now` at its present end. A cursor behind
    which changes are no longer kept is answered by 410; its `next_cursor` is the present end: read
    the lists anew, then go on from there. The filter may differ from one request to the next.
    Scope: `customers:read`.
    """
    deps = services(request)
    which = await _filter(deps, query)
    try:
        place = await _place(deps.changes, query.cursor)
        deps.changes.check_room()
        with deps.changes.reader("poll"):
            page = await deps.changes.next_page(place, which, query.limit, query.wait)
    except CursorExpired as error:
        return _expired(request, error)
    return Response(_rendered(page), media_type="application/json")


@router.get(
    "/v1/changes/stream",
    operation_id="stream_changes",
    summary="Listen to what changes",
    response_class=Response,
    responses=answers(None, INVALID_REQUEST, INVALID_CURSOR, CURSOR_EXPIRED) | STREAM,
)
async def stream_changes(
    request: Request,
    _: Reader,
    query: Annotated[ChangesFiltered, Query()],
    last_event_id: Annotated[
        str | None,
        Header(
            max_length=change_cursors.MAX_LENGTH,
            description="The last `id` that was received; goes before `cursor`.",
        ),
    ] = None,
) -> Response:
    """The same as server-sent events. Whoever comes back with `Last-Event-ID` misses nothing. A
    comment comes every 15 seconds while nothing happens. Scope: `customers:read`.
    """
    deps = services(request)
    which = await _filter(deps, query)
    try:
        place = await _place(deps.changes, last_event_id or query.cursor)
        extents = await deps.changes.extents()
        start = position.beginning(extents) if place is None else place
        feed.check(start, extents)
        deps.changes.check_room()
    except CursorExpired as error:
        return _expired(request, error)
    stream = event_stream.events(deps.changes, start, which, _may_go_on(request))
    return StreamingResponse(
        stream, media_type=event_stream.MEDIA_TYPE, headers=event_stream.HEADERS
    )


def _may_go_on(request: Request) -> Callable[[], Awaitable[bool]]:
    """Asks whether the key still opens this."""

    async def ask() -> bool:
        return await may_still(request, SCOPE)

    return ask


async def _filter(deps: Services, query: ChangesFiltered) -> ChangeFilter:
    """The filter that was asked. Raises ProblemError."""
    parameters = query.filter_parameters
    if not parameters:
        return NO_FILTER
    bands, flags = tuple[str, ...](), tuple[str, ...]()
    if "bands" in parameters or "flags" in parameters:
        async with deps.engine.connect() as conn:
            card = await live_scorecard(conn)
        bands, flags = tuple(band.name for band in card.bands), card.flag_names
    try:
        return filter_input.from_query(
            parameters, KnownNames(types=CHANGE_TYPES, bands=bands, flags=flags)
        )
    except FilterError as error:
        faults = [RequestFault(pointer=f"/query/{f.part}", detail=f.detail) for f in error.faults]
        raise invalid(*faults) from error


async def _place(changes: ChangeFeed, cursor: str | None) -> Place | None:
    """The place that a cursor names; None: the beginning. Raises CursorError."""
    if not cursor:
        return None
    if cursor == change_cursors.NOW:
        return position.end(await changes.extents())
    return change_cursors.decode(cursor)


def _rendered(page: FeedPage) -> bytes:
    return b'{"items":[%b],"next_cursor":"%b","has_more":%b}' % (
        b",".join([change.item for change in page.changes]),
        change_cursors.encode(page.place).encode(),
        b"true" if page.has_more else b"false",
    )


def _expired(request: Request, error: CursorExpired) -> Response:
    """410, with the place to go on from."""
    detail = (
        "Changes behind the cursor are no longer kept. Take next_cursor, read the lists anew"
        " (GET /v1/customers, GET /v1/alerts), and go on from there."
    )
    fault = RequestFault(pointer="/query/cursor", detail=detail)
    problem = ProblemError(CURSOR_EXPIRED, detail, [fault])
    return respond(request, problem, next_cursor=change_cursors.encode(error.present))
