"""Alerts: the list, one of them, and settling it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, assert_never

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.fields import SparseList, checked, sparse_list
from healthsvc.api.languages import Chosen, Preferred, mark
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import (
    CHANGED_MEANWHILE,
    CONFLICT,
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import ProblemError, not_found
from healthsvc.api.representations import ALERTS, RANKED_ALERTS
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import IF_NONE_MATCH, UNCHANGED, answers
from healthsvc.core.alerts import Alert as StoredAlert
from healthsvc.core.languages import DEFAULT, Language
from healthsvc.flows import lists
from healthsvc.flows.alerts import ranked_alerts, settle, wording
from healthsvc.flows.alerts.settle import AlreadyResolved, ChangedSince, Missing, Outcome, Settled
from healthsvc.store.alerts.alert_rows import AlertQuery
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.alerts import (
    ALERT_COLUMNS,
    Alert,
    AlertFilter,
    AlertResolve,
    Alerts,
    alert_answer,
)
from healthsvc.wire.rest.ranks import RankTold

ETAG: Final = re.compile(r'\s*(?:W/)?"(\d{1,9})(?:-([a-z]{2}))?"\s*')
"""The revision, and the language if it isn't the default one: the answer differs, so its tag
does."""

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
    response_class=Response,
    responses=exporting.also_as_files(
        answers(Alerts, INVALID_REQUEST, INVALID_CURSOR) | UNCHANGED, ALERT_COLUMNS
    ),
    openapi_extra=IF_NONE_MATCH,
)
async def list_alerts(
    request: Request, reader: Reader, query: Annotated[AlertFilter, Query()], prefers: Preferred
) -> Response:
    """Alerts, the last raised first; `about=operations` lists those about the service and what
    feeds it; `sort=rank` puts those first that are most worth a call, each with its points and why.

    As a file: `Accept: text/csv` or `application/x-ndjson`. Scope: `customers:read` or
    `alerts:write`.
    """
    deps, language = services(request), query.language or prefers
    form = exporting.format_of(request, query.format)
    names = checked(query.fields, Alert)

    async def page(part: AlertFilter) -> SparseList:
        return sparse_list(await _alerts(deps, part, language), names)

    if form != "json":
        return await exporting.stream(form, "alerts", names or ALERT_COLUMNS, query, page)

    async def make() -> BaseModel | Mapping[str, Any]:
        return (await page(query)).answer

    shown = RANKED_ALERTS if query.sort == "rank" else ALERTS
    return await deps.representations.answer(request.scope, shown, reader.id, make)


async def _alerts(deps: Services, query: AlertFilter, language: Language) -> Alerts:
    which = AlertQuery(
        operations=query.about == "operations",
        customer_id=query.customer_id,
        kind=query.kind,
        state=query.state,
        severity=query.severity,
        owner=query.owner,
    )
    if query.sort == "rank":
        return await _ranked(deps, query, which, language)
    page = await lists.alerts(deps.engine, query, which)
    worded = await wording.worded(deps.engine, page.items, language)
    items = [alert_answer(alert) for alert in worded]
    return Alerts(items=items, next_cursor=page.next_cursor, prev_cursor=page.prev_cursor)


async def _ranked(
    deps: Services, query: AlertFilter, which: AlertQuery, language: Language
) -> Alerts:
    page = await ranked_alerts.alerts(deps.engine, query, which, deps.now(), deps.contact)
    worded = await wording.worded(
        deps.engine, [each.waiting.alert for each in page.items], language
    )
    ranks = [
        RankTold.model_validate(ranked_alerts.worded_rank(found.rank, language))
        for found in page.items
    ]
    items = [alert_answer(alert, rank) for alert, rank in zip(worded, ranks, strict=True)]
    return Alerts(items=items, next_cursor=page.next_cursor, prev_cursor=page.prev_cursor)


@router.get(
    "/v1/alerts/{alert_id}",
    operation_id="get_alert",
    summary="Get an alert",
    response_model=Alert,
    responses=answers(Alert, NOT_FOUND, INVALID_REQUEST) | UNCHANGED,
)
async def get_alert(
    request: Request, response: Response, _: Reader, alert_id: AlertId, language: Chosen
) -> Alert | Response:
    """One alert; its ETag is the revision, with the language where it isn't English.

    Scope: `customers:read` or `alerts:write`.
    """
    alert = await settle.find(services(request).engine, _valid_id(alert_id))
    if alert is None:
        raise not_found("alert")
    etag = _etag(alert, language)
    if etag in _etags(request, "if-none-match"):
        unchanged = Response(status_code=304, headers={"etag": etag})
        mark(unchanged, language)
        return unchanged
    return await _settled_answer(services(request), response, alert, language)


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
    """Somebody takes it on: the name of the API key is kept with it. Doing it again changes
    nothing.

    Subscribers get `alert.acknowledged`, or `operations.alert.acknowledged`. Scope: `alerts:write`.
    """
    deps = services(request)
    wish = settle.Request(
        alert_id=_valid_id(alert_id), by=principal.actor, revision=_expected_revision(request)
    )
    return await _settled_answer(
        deps,
        response,
        _settled(await settle.acknowledge(deps.engine, deps.now(), wish)),
        language,
    )


@router.post(
    "/v1/alerts/{alert_id}/resolve",
    operation_id="resolve_alert",
    summary="Resolve an alert",
    responses=answers(
        Alert, NOT_FOUND, CHANGED_MEANWHILE, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST
    ),
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
    """Somebody declares it done. The customer's health stays what it is. Doing it again changes
    nothing.

    Subscribers get `alert.resolved` (or `operations.alert.resolved`), with the note. Scope:
    `alerts:write`.
    """
    deps = services(request)
    wish = settle.Request(
        alert_id=_valid_id(alert_id),
        by=principal.actor,
        revision=_expected_revision(request),
        note=body.note,
    )
    return await _settled_answer(
        deps, response, _settled(await settle.resolve(deps.engine, deps.now(), wish)), language
    )


def _settled(outcome: Outcome) -> StoredAlert:
    """The alert that was settled. Raises ProblemError."""
    match outcome:
        case Settled(alert):
            return alert
        case Missing():
            raise not_found("alert")
        case ChangedSince(alert):
            raise ProblemError(
                CHANGED_MEANWHILE,
                f"The alert is at revision {alert.revision} now.",
                headers={"etag": _etag(alert, DEFAULT)},
            )
        case AlreadyResolved():
            raise ProblemError(
                CONFLICT, "The alert is resolved; it can't be acknowledged any more."
            )
        case _:
            assert_never(outcome)


async def _settled_answer(
    deps: Services, response: Response, alert: StoredAlert, language: Language
) -> Alert:
    response.headers["etag"] = _etag(alert, language)
    mark(response, language)
    (worded,) = await wording.worded(deps.engine, [alert], language)
    return alert_answer(worded)


def _etag(alert: StoredAlert, language: Language) -> str:
    return f'"{alert.revision}"' if language == DEFAULT else f'"{alert.revision}-{language}"'


def _expected_revision(request: Request) -> int | None:
    """The revision in If-Match; -1, which none has, if it isn't one of ours. None: any."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = ETAG.fullmatch(header)
    return -1 if match is None else int(match[1])


def _etags(request: Request, header: str) -> list[str]:
    """The tags of a header, weak ones like strong ones."""
    return [part.strip().removeprefix("W/") for part in request.headers.get(header, "").split(",")]


def _valid_id(alert_id: str) -> str:
    """Refuse an id that no alert can have. Raises ProblemError."""
    if len(alert_id) > 200 or not is_storable(alert_id):
        raise not_found("alert")
    return alert_id
