"""Sources: the calls of other systems, how each is mapped, and what became of the last ones."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_REQUEST,
    KEY_INVALID,
    KEY_REQUIRED,
    MALFORMED_BODY,
    MALFORMED_JSON,
    NOT_FOUND,
    OVERLOADED,
    SCOPE_MISSING,
    SIGNATURE_INVALID,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import RequestFault, invalid
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.api.source_calls import take_call
from healthsvc.flows import lists
from healthsvc.flows.sources import overview
from healthsvc.flows.sources.catalogue import ConfiguredSource, SourceChange
from healthsvc.flows.sources.receive import retry_refused
from healthsvc.store.sources.calls import CallTotals
from healthsvc.wire.rest.shapes import Whole
from healthsvc.wire.rest.sources import (
    CallAnswer,
    RetriedCalls,
    SourceCall,
    SourceCalls,
    SourceCallsAsked,
    SourceMapping,
    SourceSettings,
    SourceStatus,
    SourceStatuses,
)
from healthsvc.wire.sources.document import SourceFault

router = APIRouter(tags=["sources"], prefix="/v1/sources")
Admin = Annotated[Principal, require("admin")]
SourceName = Annotated[
    str, ENCODED, Path(max_length=200, description="The source's name.", examples=["stripe"])
]
BODY_PROBLEMS: Final = (MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)
_CALL: dict[str, Any] = {
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"description": "What the other system sends."},
                "example": {"id": "evt_1", "type": "invoice.paid"},
            }
        },
    },
}


@router.get(
    "",
    operation_id="list_sources",
    summary="List sources",
    responses=answers(SourceStatuses),
)
async def list_sources(request: Request, _: Admin) -> SourceStatuses:
    """All sources, built-in and your own: how each is set, and what its last calls come to. Scope:
    `admin`."""
    deps = services(request)
    sources = await deps.sources.all(deps.now())
    figures = await overview.figures(deps.engine)
    items = [_status(each, figures.totals.get(name)) for name, each in sources.items()]
    return SourceStatuses(items=items, waiting_events=figures.waiting_events)


@router.get(
    "/{name}",
    operation_id="get_source",
    summary="Get a source and its mapping",
    responses=answers(SourceMapping, NOT_FOUND, INVALID_REQUEST),
)
async def get_source(request: Request, _: Admin, name: SourceName) -> SourceMapping:
    """One source with its mapping, which you can copy and change. Scope: `admin`."""
    return await _mapping(request, name)


@router.put(
    "/{name}",
    operation_id="set_source",
    summary="Set a source",
    responses=answers(SourceMapping, NOT_FOUND, *BODY_PROBLEMS),
    openapi_extra=documented(SourceSettings),
)
async def set_source(
    request: Request,
    principal: Admin,
    name: SourceName,
    body: Annotated[SourceSettings, body_of(SourceSettings)],
) -> SourceMapping:
    """Sets the secrets that calls are checked by, the mode, or a mapping of your own; what is left
    out stays. A new source is in trial: its calls are mapped and listed, and nothing is counted.
    It holds in all processes after two seconds. Scope: `admin`."""
    deps = services(request)
    change = SourceChange(
        mode=body.mode, mapping=body.mapping, secrets=body.secrets, called_url=body.called_url
    )
    try:
        await deps.sources.change(name, change, deps.now(), principal.actor)
    except SourceFault as error:
        detail = f"{error.pointer or '/'} {error.detail}"
        raise invalid(RequestFault(pointer="/mapping", detail=detail)) from error
    return await _mapping(request, name)


@router.post(
    "/{name}",
    operation_id="call_source",
    summary="Take in a call of another system",
    responses=answers(
        CallAnswer,
        KEY_REQUIRED,
        KEY_INVALID,
        SCOPE_MISSING,
        SIGNATURE_INVALID,
        NOT_FOUND,
        CONFLICT,
        MALFORMED_JSON,
        MALFORMED_BODY,
        INVALID_REQUEST,
        OVERLOADED,
        open_to_all=True,
    ),
    openapi_extra=_CALL,
)
async def call_source(request: Request, name: SourceName) -> CallAnswer:
    """Maps a call, resolves its customers, and answers once its events are durable, all in one
    transaction. Authenticated as the source says: by an API key with the scope `events:write`, or
    by the sender's signature.

    The answer is 200 also where items are ignored, wait for their customer, or are rejected: to
    send them again would change nothing. `GET /v1/sources/{name}/calls` lists them.
    """
    deps = services(request)
    return await take_call(request, deps, await deps.sources.get(name, deps.now()))


@router.get(
    "/{name}/calls",
    operation_id="list_source_calls",
    summary="List the last calls of a source",
    responses=answers(SourceCalls, NOT_FOUND, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_source_calls(
    request: Request, _: Admin, name: SourceName, asked: Annotated[SourceCallsAsked, Query()]
) -> SourceCalls:
    """The last 500 calls or so, newest first: what became of each item, and why not. Scope:
    `admin`."""
    deps = services(request)
    await deps.sources.get(name, deps.now())
    page = await lists.source_calls(deps.engine, asked, name)
    return SourceCalls(
        items=[SourceCall.model_validate(call) for call in page.items],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
    )


@router.post(
    "/{name}/calls/retry",
    operation_id="retry_source_calls",
    summary="Try refused calls again",
    responses=answers(RetriedCalls, NOT_FOUND, INVALID_REQUEST),
)
async def retry_source_calls(
    request: Request,
    _: Admin,
    name: SourceName,
    limit: Annotated[Whole, Query(ge=1, le=100, description="How many calls at most.")] = 100,
) -> RetriedCalls:
    """Maps the calls again of which something was rejected, oldest first, after the mapping was
    changed. What was accepted before is counted once. Scope: `admin`."""
    deps = services(request)
    configured = await deps.sources.get(name, deps.now())
    reports = await retry_refused(deps.engine, configured, deps.now(), deps.partitions, limit)
    return RetriedCalls(
        calls=len(reports),
        accepted=sum(report.count("accepted") for report in reports),
        waiting=sum(report.count("waiting") for report in reports),
        ignored=sum(report.count("ignored") for report in reports),
        rejected=sum(report.count("rejected") for report in reports),
    )


async def _mapping(request: Request, name: str) -> SourceMapping:
    deps = services(request)
    configured = await deps.sources.get(name, deps.now())
    figures = await overview.figures(deps.engine)
    status = _status(configured, figures.totals.get(name))
    return SourceMapping(**status.model_dump(), mapping=configured.source.text)


def _status(configured: ConfiguredSource, totals: CallTotals | None) -> SourceStatus:
    source = configured.source
    return SourceStatus(
        name=source.name,
        title=source.title,
        mode=configured.mode,
        is_built_in=configured.is_built_in,
        authentication=source.authentication,
        has_secret=bool(configured.secrets),
        called_url=configured.called_url,
        path=f"/v1/sources/{source.name}",
        calls=totals.calls if totals else 0,
        last_call_at=totals.last_call_at if totals else None,
        accepted=totals.accepted if totals else 0,
        waiting=totals.waiting if totals else 0,
        ignored=totals.ignored if totals else 0,
        rejected=totals.rejected if totals else 0,
    )
