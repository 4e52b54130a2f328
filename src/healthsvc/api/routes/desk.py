"""The desk: what people do with alerts, one or many at once."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request, Response

from healthsvc.api.alert_answers import (
    expected_revision,
    settled,
    settled_answer,
    valid_id,
)
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.languages import Chosen
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import (
    CHANGED_MEANWHILE,
    CONFLICT,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import ProblemError, RequestFault, as_problem, invalid, not_found
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.core.alerts import ACKNOWLEDGE, ASSIGN, COMMENT, REOPEN, RESOLVE, SNOOZE
from healthsvc.core.languages import Language
from healthsvc.core.nearest import hint
from healthsvc.flows.alerts import settle, wording
from healthsvc.flows.alerts.settle import DeskAct
from healthsvc.flows.customers import customer_list
from healthsvc.wire.rest.alerts import Alert, alert_answer
from healthsvc.wire.rest.desk import (
    AlertActResult,
    AlertActResults,
    AlertActs,
    AlertAssign,
    AlertComment,
    AlertReopen,
    AlertResolve,
    AlertSnooze,
    AlertSteps,
    AlertStepTold,
)
from healthsvc.wire.rest.problems import Problem

MORNING: Final = time(8, 0)
LONGEST_SNOOZE: Final = timedelta(days=366)

router = APIRouter(tags=["alerts"])
Reader = Annotated[Principal, require("customers:read", "alerts:write")]
Writer = Annotated[Principal, require("alerts:write")]
AlertId = Annotated[str, ENCODED, Path(description="The alert's id.", examples=["al_0d9b3e"])]
IF_MATCH = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "The ETag last seen: 412 if the alert was changed since.",
            "schema": {"type": "string"},
            "example": '"1"',
        }
    ]
}
_ANSWERS: Final = answers(
    Alert,
    NOT_FOUND,
    CONFLICT,
    CHANGED_MEANWHILE,
    MALFORMED_JSON,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_REQUEST,
)


@router.get(
    "/v1/alerts/{alert_id}/steps",
    operation_id="list_alert_steps",
    summary="List what was done with an alert",
    responses=answers(AlertSteps, NOT_FOUND),
)
async def list_alert_steps(request: Request, _: Reader, alert_id: AlertId) -> AlertSteps:
    """Each step with who took it, when, and what they noted; the first one first.

    Scope: `customers:read` or `alerts:write`.
    """
    engine = services(request).engine
    if await settle.find(engine, valid_id(alert_id)) is None:
        raise not_found("alert")
    taken = await settle.steps(engine, alert_id)
    return AlertSteps(items=[AlertStepTold.model_validate(step) for step in taken])


@router.post(
    "/v1/alerts/bulk",
    operation_id="act_on_alerts",
    summary="Take a step with many alerts",
    responses=answers(AlertActResults, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST),
    openapi_extra=documented(AlertActs),
)
async def act_on_alerts(
    request: Request,
    principal: Writer,
    language: Chosen,
    body: Annotated[AlertActs, body_of(AlertActs)],
) -> AlertActResults:
    """The same step with up to 500 alerts, each by itself: what one is refused doesn't keep the
    others from it. Sending it again changes nothing. Scope: `alerts:write`.
    """
    deps = services(request)
    act = await _act_of(deps, body)
    results = [
        await _result(deps, request, principal, alert_id, act, language)
        for alert_id in dict.fromkeys(body.ids)
    ]
    done = sum(result.status == "done" for result in results)
    return AlertActResults(done=done, refused=len(results) - done, items=results)


@router.post(
    "/v1/alerts/{alert_id}/acknowledge",
    operation_id="acknowledge_alert",
    summary="Acknowledge an alert",
    responses=answers(Alert, NOT_FOUND, CONFLICT, CHANGED_MEANWHILE, INVALID_REQUEST),
    openapi_extra=IF_MATCH,
)
async def acknowledge_alert(
    request: Request, response: Response, principal: Writer, alert_id: AlertId, language: Chosen
) -> Alert:
    """Somebody takes it on: it is theirs, unless it was somebody's already, and stays theirs when
    its condition ends. Doing it again changes nothing.

    Subscribers get `alert.acknowledged`, or `operations.alert.acknowledged`. Scope: `alerts:write`.
    """
    act = DeskAct(step=ACKNOWLEDGE)
    return await _take(request, response, principal, alert_id, act, language)


@router.post(
    "/v1/alerts/{alert_id}/assign",
    operation_id="assign_alert",
    summary="Give an alert to somebody",
    responses=_ANSWERS,
    openapi_extra=IF_MATCH | documented(AlertAssign),
)
async def assign_alert(
    request: Request,
    response: Response,
    principal: Writer,
    alert_id: AlertId,
    language: Chosen,
    body: Annotated[AlertAssign, body_of(AlertAssign)],
) -> Alert:
    """It is theirs from now on, acknowledged, no longer put off; on the worklist it stands with
    them.

    Subscribers get `alert.assigned`. Scope: `alerts:write`.
    """
    act = _assigned(body)
    return await _take(request, response, principal, alert_id, act, language)


@router.post(
    "/v1/alerts/{alert_id}/snooze",
    operation_id="snooze_alert",
    summary="Put an alert off",
    responses=_ANSWERS,
    openapi_extra=IF_MATCH | documented(AlertSnooze),
)
async def snooze_alert(
    request: Request,
    response: Response,
    principal: Writer,
    alert_id: AlertId,
    language: Chosen,
    body: Annotated[AlertSnooze, body_of(AlertSnooze)],
) -> Alert:
    """It leaves the worklist until an instant or a day (`until`), or until a flag of the customer
    begins or ends (`until_flag`); then it is acknowledged again. A service that was stopped
    meanwhile wakes it when it is back.

    Subscribers get `alert.snoozed`, and `alert.woken` at the end. Scope: `alerts:write`.
    """
    act = await _snoozed(services(request), body)
    return await _take(request, response, principal, alert_id, act, language)


@router.post(
    "/v1/alerts/{alert_id}/comment",
    operation_id="comment_alert",
    summary="Note something with an alert",
    responses=_ANSWERS,
    openapi_extra=IF_MATCH | documented(AlertComment),
)
async def comment_alert(
    request: Request,
    response: Response,
    principal: Writer,
    alert_id: AlertId,
    language: Chosen,
    body: Annotated[AlertComment, body_of(AlertComment)],
) -> Alert:
    """In any state; `GET /v1/alerts/{alert_id}/steps` reads it back.

    Subscribers get `alert.commented`. Scope: `alerts:write`.
    """
    act = DeskAct(step=COMMENT, note=body.note)
    return await _take(request, response, principal, alert_id, act, language)


@router.post(
    "/v1/alerts/{alert_id}/resolve",
    operation_id="resolve_alert",
    summary="Resolve an alert",
    responses=_ANSWERS,
    openapi_extra=IF_MATCH | documented(AlertResolve, optional=True),
)
async def resolve_alert(
    request: Request,
    response: Response,
    principal: Writer,
    alert_id: AlertId,
    language: Chosen,
    body: Annotated[AlertResolve, body_of(AlertResolve, optional=True)],
) -> Alert:
    """Somebody declares it done, and says what came of it. The customer's health stays what it is.
    Doing it again changes nothing: of two people the first one's outcome stands.

    Subscribers get `alert.resolved` (or `operations.alert.resolved`), with the note. Scope:
    `alerts:write`.
    """
    act = DeskAct(step=RESOLVE, note=body.note, outcome=body.outcome)
    return await _take(request, response, principal, alert_id, act, language)


@router.post(
    "/v1/alerts/{alert_id}/reopen",
    operation_id="reopen_alert",
    summary="Take a resolution back",
    responses=_ANSWERS,
    openapi_extra=IF_MATCH | documented(AlertReopen, optional=True),
)
async def reopen_alert(
    request: Request,
    response: Response,
    principal: Writer,
    alert_id: AlertId,
    language: Chosen,
    body: Annotated[AlertReopen, body_of(AlertReopen, optional=True)],
) -> Alert:
    """The alert is acknowledged again, its outcome gone; the steps keep what was said.

    Subscribers get `alert.reopened`. Scope: `alerts:write`.
    """
    act = DeskAct(step=REOPEN, note=body.note)
    return await _take(request, response, principal, alert_id, act, language)


async def _take(  # what each step has
    request: Request,
    response: Response,
    principal: Principal,
    alert_id: str,
    act: DeskAct,
    language: Language,
) -> Alert:
    deps = services(request)
    wish = settle.Request(
        alert_id=valid_id(alert_id),
        by=principal.actor,
        act=act,
        revision=expected_revision(request),
    )
    alert = settled(await settle.take(deps.engine, deps.now(), wish))
    return await settled_answer(deps, response, alert, language)


async def _result(  # one step of many
    deps: Services,
    request: Request,
    principal: Principal,
    alert_id: str,
    act: DeskAct,
    language: Language,
) -> AlertActResult:
    try:
        wish = settle.Request(alert_id=valid_id(alert_id), by=principal.actor, act=act)
        alert = settled(await settle.take(deps.engine, deps.now(), wish))
    except ProblemError as error:
        problem = Problem.model_validate(as_problem(request.scope, error))
        return AlertActResult(id=alert_id, status="refused", alert=None, problem=problem)
    (worded,) = await wording.worded(deps.engine, [alert], language)
    return AlertActResult(id=alert_id, status="done", alert=alert_answer(worded), problem=None)


async def _act_of(deps: Services, body: AlertActs) -> DeskAct:
    """The step that a request names. Raises ProblemError."""
    if body.assign is not None:
        return _assigned(body.assign)
    if body.snooze is not None:
        return await _snoozed(deps, body.snooze, "/snooze")
    if body.comment is not None:
        return DeskAct(step=COMMENT, note=body.comment.note)
    if body.resolve is not None:
        return DeskAct(step=RESOLVE, note=body.resolve.note, outcome=body.resolve.outcome)
    if body.reopen is not None:
        return DeskAct(step=REOPEN, note=body.reopen.note)
    return DeskAct(step=ACKNOWLEDGE)


def _assigned(body: AlertAssign) -> DeskAct:
    return DeskAct(
        step=ASSIGN,
        assignee=body.assignee.strip(),
        due_at=body.due_at,
        priority=body.priority,
        note=body.note,
    )


async def _snoozed(deps: Services, body: AlertSnooze, at: str = "") -> DeskAct:
    """Raises ProblemError."""
    act = DeskAct(step=SNOOZE, note=body.note)
    if body.until_flag is not None:
        names = (await customer_list.words(deps.engine)).names["flag"]
        if body.until_flag not in names:
            fault = RequestFault(pointer=f"{at}/until_flag", detail=hint(body.until_flag, names))
            raise invalid(fault)
        return replace(act, flag=body.until_flag, edge=body.edge)
    until, now = body.until, deps.now()
    if not isinstance(until, datetime):
        assert isinstance(until, date)
        until = datetime.combine(until, MORNING, ZoneInfo(deps.contact.timezone))
    if not now < until <= now + LONGEST_SNOOZE:
        detail = "must be in the future, and within a year"
        raise invalid(RequestFault(pointer=f"{at}/until", detail=detail))
    return replace(act, until=until)
