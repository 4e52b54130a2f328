"""What came of the alerts of a period, as JSON or as a file."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import INVALID_REQUEST
from healthsvc.api.problems import RequestFault, invalid
from healthsvc.api.responses import answers, json_response
from healthsvc.flows.alerts.alert_report import report_of
from healthsvc.wire.rest.alert_report import (
    ALERT_REPORT_COLUMNS,
    AlertKindTold,
    AlertReport,
    AlertReportAsked,
)

router = APIRouter(tags=["alerts"])
Reader = Annotated[Principal, require("customers:read", "alerts:write")]
PERIOD: Final = timedelta(days=30)


@router.get(
    "/v1/alerts/report",
    operation_id="report_alerts",
    summary="Tell what came of alerts",
    response_class=Response,
    responses=exporting.also_as_files(answers(AlertReport, INVALID_REQUEST), ALERT_REPORT_COLUMNS),
)
async def report_alerts(
    request: Request, _: Reader, query: Annotated[AlertReportAsked, Query()]
) -> Response:
    """Alerts that were raised within a period, by kind: how many, how soon somebody acted, the
    outcomes, the share of false alarms, and how many of the customers left all the same.

    That a customer stayed doesn't show that acting helped. As a file: `Accept: text/csv` or
    `application/x-ndjson`. Scope: `customers:read` or `alerts:write`.
    """
    deps = services(request)
    end = query.end or deps.now()
    start = query.start or end - PERIOD
    if start >= end:
        raise invalid(RequestFault(pointer="/query/from", detail="must be before `to`"))
    kinds = await report_of(deps.engine, start, end, query.owner)
    items = [AlertKindTold.model_validate(kind) for kind in kinds]
    answer = AlertReport.model_validate({"from": start, "to": end, "items": items})
    form = exporting.format_of(request, query.format)
    if form == "json":
        return json_response(answer)

    async def whole(_: AlertReportAsked) -> AlertReport:
        return answer

    return await exporting.stream(form, "alert-report", ALERT_REPORT_COLUMNS, query, whole)
