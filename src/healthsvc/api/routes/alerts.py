"""Alerts: the list, one of them, and settling it."""

import re
from typing import Annotated, Final, assert_never

from fastapi import APIRouter, Path, Query, Request, Response

from healthsvc.api.answers import answers
from healthsvc.api.auth import Principal, require
from healthsvc.api.bodies import body_of, documented
from healthsvc.api.context import Services, services
from healthsvc.api.paths import ENCODED
from healthsvc.api.problems import (
    CHANGED_MEANWHILE,
    CONFLICT,
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemError,
    not_found,
)
from healthsvc.flows import lists, worklist
from healthsvc.flows.manage import alerts
from healthsvc.flows.manage.alerts import Closed, Missing, Outcome, Settled, Stale
from healthsvc.store.alerts_reads import Alert as StoredAlert
from healthsvc.store.alerts_reads import AlertFilter as Which
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.alerts import Alert, AlertFilter, AlertResolve, Alerts
from healthsvc.wire.rest.ranks import RankTold

ETAG: Final = re.compile(r'\s*(?:W/)?"(\d{1,9})"\s*')

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


@router.get(
    "/v1/alerts",
    operation_id="list_alerts",
    summary="List alerts",
    responses=answers(Alerts, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_alerts(request: Request, _: Reader, asked: Annotated[AlertFilter, Query()]) -> Alerts:
    """Alerts, the last raised first; `about=operations` lists those about the service and what feeds it;
    `sort=rank` puts those first that are most worth a call, each with its points and why.

    Scope: `customers:read` or `alerts:write`.
    """
    which = Which(
        operations=asked.about == "operations",
        customer_id=asked.customer_id,
        kind=asked.kind,
        state=asked.state,
        severity=asked.severity,
        owner=asked.owner,
    )
    if asked.sort == "rank":
        return await _ranked(services(request), asked, which)
    return Alerts.model_validate(await lists.alerts(services(request).engine, asked, which))


async def _ranked(house: Services, asked: AlertFilter, which: Which) -> Alerts:
    page = await worklist.alerts(house.engine, asked, which, house.now(), house.contact)
    items = [
        Alert.model_validate(found.waiting.alert).model_copy(
            update={"rank": RankTold.model_validate(worklist.rank_told(found.rank, "en"))}
        )
        for found in page.items
    ]
    return Alerts(items=items, next_cursor=page.next_cursor, prev_cursor=page.prev_cursor)


@router.get(
    "/v1/alerts/{alert_id}",
    operation_id="get_alert",
    summary="Get an alert",
    response_model=Alert,
    responses=answers(Alert, NOT_FOUND) | {304: {"description": "Unchanged since the ETag in `If-None-Match`."}},
)
async def get_alert(request: Request, response: Response, _: Reader, alert_id: AlertId) -> Alert | Response:
    """One alert; its ETag is the revision. Scope: `customers:read` or `alerts:write`."""
    alert = await alerts.find(services(request).engine, _known(alert_id))
    if alert is None:
        raise not_found("alert")
    if alert.revision in _revisions(request, "if-none-match"):
        return Response(status_code=304, headers={"etag": _etag(alert)})
    return _told(response, alert)


@router.post(
    "/v1/alerts/{alert_id}/acknowledge",
    operation_id="acknowledge_alert",
    summary="Acknowledge an alert",
    responses=answers(Alert, NOT_FOUND, CONFLICT, CHANGED_MEANWHILE),
    openapi_extra=IF_MATCH,
)
async def acknowledge_alert(request: Request, response: Response, principal: Writer, alert_id: AlertId) -> Alert:
    """Somebody takes it on: the name of the API key is kept with it. Doing it again changes nothing.

    Subscribers get `alert.acknowledged`, or `operations.alert.acknowledged`. Scope: `alerts:write`.
    """
    house = services(request)
    wish = alerts.Request(alert_id=_known(alert_id), by=principal.name, revision=_seen(request))
    return _outcome(response, await alerts.acknowledge(house.engine, house.now(), wish))


@router.post(
    "/v1/alerts/{alert_id}/resolve",
    operation_id="resolve_alert",
    summary="Resolve an alert",
    responses=answers(Alert, NOT_FOUND, CHANGED_MEANWHILE, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST),
    openapi_extra=IF_MATCH | documented(AlertResolve, optional=True),
)
async def resolve_alert(
    request: Request,
    response: Response,
    principal: Writer,
    alert_id: AlertId,
    body: Annotated[AlertResolve, body_of(AlertResolve, optional=True)],
) -> Alert:
    """Somebody declares it done. The customer's health stays what it is. Doing it again changes nothing.

    Subscribers get `alert.resolved` (or `operations.alert.resolved`), with the note. Scope: `alerts:write`.
    """
    house = services(request)
    wish = alerts.Request(alert_id=_known(alert_id), by=principal.name, revision=_seen(request), note=body.note)
    return _outcome(response, await alerts.resolve(house.engine, house.now(), wish))


def _outcome(response: Response, outcome: Outcome) -> Alert:
    match outcome:
        case Settled(alert):
            return _told(response, alert)
        case Missing():
            raise not_found("alert")
        case Stale(alert):
            raise ProblemError(
                CHANGED_MEANWHILE, f"The alert is at revision {alert.revision} now.", headers={"etag": _etag(alert)}
            )
        case Closed():
            raise ProblemError(CONFLICT, "The alert is resolved; it can't be acknowledged any more.")
        case _:
            assert_never(outcome)


def _told(response: Response, alert: StoredAlert) -> Alert:
    response.headers["etag"] = _etag(alert)
    return Alert.model_validate(alert)


def _etag(alert: StoredAlert) -> str:
    return f'"{alert.revision}"'


def _seen(request: Request) -> int | None:
    """The revision in If-Match; -1, which none has, if it isn't one of ours. None: any."""
    said = request.headers.get("if-match")
    if said is None or said.strip() == "*":
        return None
    found = ETAG.fullmatch(said)
    return -1 if found is None else int(found[1])


def _revisions(request: Request, header: str) -> list[int]:
    return [int(found[1]) for part in request.headers.get(header, "").split(",") if (found := ETAG.fullmatch(part))]


def _known(alert_id: str) -> str:
    """Refuse an id that no alert can have. Raises ProblemError."""
    if len(alert_id) > 200 or not is_storable(alert_id):
        raise not_found("alert")
    return alert_id
