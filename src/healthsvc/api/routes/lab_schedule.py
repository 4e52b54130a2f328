"""What the lab does by itself: refits and the watch over the live model."""

from typing import Annotated

from fastapi import APIRouter, Request

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import INVALID_REQUEST, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.flows.lab import schedule
from healthsvc.store.lab.schedule import Schedule
from healthsvc.wire.rest.lab import LabSchedule, LabScheduleSet

router = APIRouter(tags=["lab"], prefix="/v1/lab/schedule")
Admin = Annotated[Principal, require("scorecards:admin")]


@router.get(
    "",
    operation_id="get_lab_schedule",
    summary="What the lab does by itself",
    responses=answers(LabSchedule),
)
async def get_lab_schedule(request: Request, _: Admin) -> LabSchedule:
    """Drift is watched weekly and nothing refitted unless set otherwise. Scope:
    `scorecards:admin`."""
    return _response(await schedule.read(services(request).engine))


@router.put(
    "",
    operation_id="set_lab_schedule",
    summary="Set what the lab does by itself",
    responses=answers(LabSchedule, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST),
    openapi_extra=documented(LabScheduleSet),
)
async def set_lab_schedule(
    request: Request, principal: Admin, body: Annotated[LabScheduleSet, body_of(LabScheduleSet)]
) -> LabSchedule:
    """The first runs begin at once, later ones so long after these; they are in `GET /v1/lab/runs`,
    asked for by `schedule`. Where outcomes no longer agree with the live model, an operations alert
    `model_drift` is raised, until they do. Scope: `scorecards:admin`.
    """
    deps = services(request)
    options = {"outcome": body.outcome, "horizon_days": body.horizon_days}
    new_schedule = Schedule(refit=body.refit, drift=body.drift, options=options)
    return _response(
        await schedule.change(deps.engine, new_schedule, by=principal.actor, now=deps.now())
    )


def _response(schedule: Schedule) -> LabSchedule:
    options = {"outcome": "cancelled", "horizon_days": 28.0, **schedule.options}
    return LabSchedule.model_validate(
        {name: getattr(schedule, name) for name in ("refit", "drift", "set_by", "set_at")} | options
    )
