"""Is the process alive, has it started, can it serve; and what it measured."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from healthsvc.api.auth import Principal, authenticated
from healthsvc.api.deps import services
from healthsvc.api.problem_types import UNAVAILABLE
from healthsvc.api.problems import ProblemError, RequestFault
from healthsvc.api.responses import Responses, answers
from healthsvc.flows.readiness import wording
from healthsvc.flows.readiness.check import degraded
from healthsvc.store.database import schema
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.outage import Outage, is_outage, outage_of

CHECK_SECONDS: Final = 2.0
OK: Final = {"status": "ok"}

router = APIRouter(tags=["operation"])
_OK_SCHEMA: Final = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"const": "ok"}},
}
YES: Final[Responses] = {
    200: {
        "description": "Yes.",
        "content": {"application/json": {"schema": _OK_SCHEMA, "example": OK}},
    }
}

READY: Final[Responses] = {
    200: {
        "description": "Yes; `degraded`: yes, and something beside it fails.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["status"],
                    "properties": {
                        "status": {"enum": ["ok", "degraded"]},
                        "warnings": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["pointer", "detail"],
                                "properties": {
                                    "pointer": {"type": "string"},
                                    "detail": {"type": "string"},
                                },
                            },
                        },
                    },
                },
                "example": OK,
            }
        },
    }
}


@router.get("/livez", operation_id="is_alive", summary="Is the process alive?", responses=YES)
async def is_alive() -> JSONResponse:
    """Answers as long as the event loop turns; asks nothing of the database. Restart the process
    when it fails."""
    return JSONResponse(OK)


@router.get(
    "/startupz",
    operation_id="has_started",
    summary="Has the process started?",
    responses=answers(None, UNAVAILABLE, open_to_all=True) | YES,
)
async def has_started(request: Request) -> JSONResponse:
    """Answers once the database has been reached, migrated to the schema that this code knows."""
    if not getattr(request.app.state, "started", False):
        await _require_nothing_amiss(await _database_faults(services(request).engine))
        request.app.state.started = True
    return JSONResponse(OK)


@router.get(
    "/readyz",
    operation_id="is_ready",
    summary="Can the process serve?",
    responses=answers(None, UNAVAILABLE, open_to_all=True) | READY,
)
async def is_ready(request: Request) -> JSONResponse:
    """Answers 200 while the process can do its work; send no traffic to it when it answers 503,
    `errors` says why.

    `degraded` is ready too: `warnings` names what fails beside it, a background step or a worker
    elsewhere, and what to do about it. A process that runs all roles (`healthsvc up`) isn't ready
    while an input of its stands still.
    """
    deps = services(request)
    draining = (
        [RequestFault(pointer="/draining", detail="The service is stopping.")]
        if deps.draining()
        else []
    )
    unusable = draining or await _database_faults(deps.engine)
    verdict = deps.readiness.verdict()
    listed = [
        RequestFault(pointer=pointer, detail=detail)
        for pointer, detail in verdict.sentences.items()
    ]
    if unusable or not verdict.ready:
        await _require_nothing_amiss(unusable + listed)
    return JSONResponse(degraded(verdict.sentences) if listed else OK)


@router.get(
    "/metrics",
    operation_id="read_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses=answers(None)
    | {200: {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_metrics(_: Annotated[Principal, Depends(authenticated)]) -> Response:
    """What this process counted and timed, in Prometheus' text format; no customer is named. Any
    API key will do."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _require_nothing_amiss(faults: list[RequestFault]) -> None:
    if faults:
        raise ProblemError(UNAVAILABLE, "Not ready: see errors.", faults)


async def _database_faults(engine: AsyncEngine) -> list[RequestFault]:
    """Why the database can't be used, empty if it can."""
    try:
        async with asyncio.timeout(CHECK_SECONDS), engine.connect() as conn:
            current, head = await schema.current(conn), schema.head()
    except Exception as error:
        if not is_outage(error):
            raise
        return [
            RequestFault(
                pointer="/database",
                detail=wording.outage(outage_of(error) or Outage.UNREACHABLE, ["api"]),
            )
        ]
    if current == head:
        return []
    return [
        RequestFault(
            pointer="/migrations",
            detail=f"The schema is at {current or 'nothing'}, {head} is needed.",
        )
    ]
