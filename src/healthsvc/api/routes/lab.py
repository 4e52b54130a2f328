"""Runs of the lab on the service's own archive: a model fitted and judged, or a version looked at,
before it is published."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import ProblemError, RequestFault, invalid, not_found
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.flows import lists
from healthsvc.flows.lab import jobs, runs
from healthsvc.flows.lab.replay import ReplayJob
from healthsvc.flows.lab.run import RunRequest
from healthsvc.flows.projections import publish
from healthsvc.wire.rest.lab import LabRun, LabRunCreate, LabRuns
from healthsvc.wire.rest.shapes import Paging, Whole

router = APIRouter(tags=["lab"], prefix="/v1/lab/runs")
Admin = Annotated[Principal, require("scorecards:admin")]
KINDS: Final[Mapping[str, type[runs.LabRequest]]] = {"replay": ReplayJob, **jobs.KINDS}
"""What kinds are asked for that aren't `Wanted`."""
RunId = Annotated[Whole, Path(ge=1, le=2**63 - 1, description="The run's id.", examples=[3])]


@router.post(
    "",
    operation_id="create_lab_run",
    summary="Fit, judge or compare models, or replay the score, on the archive",
    status_code=202,
    responses=answers(
        LabRun, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, NOT_FOUND, INVALID_REQUEST, status=202
    ),
    openapi_extra=documented(LabRunCreate),
)
async def create_lab_run(
    request: Request,
    response: Response,
    principal: Admin,
    body: Annotated[LabRunCreate, body_of(LabRunCreate)],
) -> LabRun:
    """Queued, and executed by a processing role, one at a time, beside the service. It publishes
    nothing: a refit is such a run, its `result.scorecard` a new version, and that version
    published. Scope: `scorecards:admin`.
    """
    deps = services(request)
    if body.version is None and body.kind in jobs.KINDS:
        raise invalid(
            RequestFault(
                pointer="/version",
                detail=f"is needed of kind {body.kind}: the scorecard to look at",
            )
        )
    if body.version is not None and await publish.find(deps.engine, body.version) is None:
        raise not_found("scorecard version")
    run = await runs.ask(deps.engine, _lab_request(body), by=principal.actor, now=deps.now())
    response.headers["location"] = f"/v1/lab/runs/{run.id}"
    return LabRun.model_validate(run)


@router.get(
    "",
    operation_id="list_lab_runs",
    summary="List runs of the lab",
    responses=answers(LabRuns, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_lab_runs(request: Request, _: Admin, query: Annotated[Paging, Query()]) -> LabRuns:
    """Runs, newest first, without their results. Scope: `scorecards:admin`."""
    return LabRuns.model_validate(await lists.runs(services(request).engine, query))


@router.get(
    "/{run_id}",
    operation_id="get_lab_run",
    summary="Get a run of the lab",
    responses=answers(LabRun, NOT_FOUND, INVALID_REQUEST),
)
async def get_lab_run(request: Request, _: Admin, run_id: RunId) -> LabRun:
    """How far it is, and what came of it. Scope: `scorecards:admin`."""
    run = await runs.find(services(request).engine, run_id)
    if run is None:
        raise not_found("run")
    return LabRun.model_validate(run)


@router.delete(
    "/{run_id}",
    operation_id="cancel_lab_run",
    summary="Cancel a run of the lab",
    status_code=204,
    responses=answers(None, NOT_FOUND, CONFLICT, INVALID_REQUEST, status=204),
)
async def cancel_lab_run(request: Request, principal: Admin, run_id: RunId) -> Response:
    """Whether it waits or is executed; the run stays in the list, as failed. Scope:
    `scorecards:admin`."""
    deps = services(request)
    cancelled = await runs.cancel(deps.engine, run_id, by=principal.actor, now=deps.now())
    if cancelled is None:
        raise not_found("run")
    if not cancelled:
        raise ProblemError(CONFLICT, "The run is over already.")
    return Response(status_code=204)


def _lab_request(body: LabRunCreate) -> runs.LabRequest:
    """The options of a run of this kind."""
    request_type = KINDS.get(body.kind, RunRequest)
    return request_type(**body.model_dump(include={f.name for f in fields(request_type)}))
