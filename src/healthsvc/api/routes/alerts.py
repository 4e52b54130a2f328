"""Alerts: the list, one of them, and settling it."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from healthsvc.api import exporting
from healthsvc.api.alert_answers import etag, etags, settled_answer, valid_id
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.fields import SparseList, checked, sparse_list
from healthsvc.api.languages import Chosen, Preferred, mark
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import (
    INVALID_CURSOR,
    INVALID_REQUEST,
    NOT_FOUND,
)
from healthsvc.api.problems import not_found
from healthsvc.api.representations import ALERTS, RANKED_ALERTS
from healthsvc.api.responses import IF_NONE_MATCH, UNCHANGED, answers
from healthsvc.core.languages import Language
from healthsvc.flows import lists
from healthsvc.flows.alerts import ranked_alerts, settle, wording
from healthsvc.store.alerts.alert_rows import AlertQuery
from healthsvc.wire.rest.alerts import (
    ALERT_COLUMNS,
    Alert,
    AlertFilter,
    Alerts,
    alert_answer,
)
from healthsvc.wire.rest.ranks import RankTold

router = APIRouter(tags=["alerts"])
Reader = Annotated[Principal, require("customers:read", "alerts:write")]
AlertId = Annotated[str, ENCODED, Path(description="The alert's id.", examples=["al_0d9b3e"])]


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
        assignee=query.assignee,
        outcome=query.outcome,
        due_before=query.due_before,
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
    alert = await settle.find(services(request).engine, valid_id(alert_id))
    if alert is None:
        raise not_found("alert")
    tag = etag(alert, language)
    if tag in etags(request, "if-none-match"):
        unchanged = Response(status_code=304, headers={"etag": tag})
        mark(unchanged, language)
        return unchanged
    return await settled_answer(services(request), response, alert, language)
