"""The portfolio's figures step by step."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import INVALID_REQUEST
from healthsvc.api.problems import RequestFault, invalid
from healthsvc.api.responses import answers, example_of, json_response
from healthsvc.core.portfolio.series import Step, instants
from healthsvc.flows.portfolio.series import portfolio_series
from healthsvc.wire.rest.portfolio_series import (
    PortfolioSeries,
    PortfolioSeriesAsked,
    series_csv,
    series_ndjson,
    to_series,
)

router = APIRouter(tags=["portfolio"])
Reader = Annotated[Principal, require("customers:read")]
EXAMPLE: Final = PortfolioSeries.model_validate(example_of(PortfolioSeries))
MOST_STEPS: Final = 400
PERIODS: Final[Mapping[Step, timedelta]] = {
    "day": timedelta(days=30),
    "week": timedelta(weeks=12),
    "month": timedelta(days=365),
}
LONGEST: Final[Mapping[Step, timedelta]] = {
    "day": timedelta(days=MOST_STEPS - 1),
    "week": timedelta(weeks=MOST_STEPS - 1),
    "month": timedelta(days=28 * (MOST_STEPS - 1)),
}
"""At most so many steps, whatever the calendar."""


@router.get(
    "/v1/portfolio/series",
    operation_id="get_portfolio_series",
    summary="Follow the portfolio over time",
    response_class=Response,
    responses=exporting.with_files(
        answers(PortfolioSeries, INVALID_REQUEST),
        series_csv(EXAMPLE),
        series_ndjson(EXAMPLE).decode(),
    ),
)
async def get_portfolio_series(
    request: Request, _: Reader, query: Annotated[PortfolioSeriesAsked, Query()]
) -> Response:
    """Customers, revenue, revenue at risk and how many are in each band at the end of each day,
    week or month, and who came and was lost in it; in all and by segment, tier or owner.

    Bands and scores are as they were decided then. At most 400 steps. With `Accept: text/csv` or
    `application/x-ndjson` a row for each group of each step. Scope: `customers:read`.
    """
    deps = services(request)
    start, end = _period(query, deps.now())
    series = await portfolio_series(
        deps.engine,
        instants(start, end, query.step),
        query.by,
        deps.freshening,
        trials=query.trials,
    )
    answer = to_series(series, query.step, query.by)
    match exporting.format_of(request, query.format):
        case "csv":
            return Response(series_csv(answer), media_type=exporting.TYPES["csv"])
        case "ndjson":
            return Response(series_ndjson(answer), media_type=exporting.TYPES["ndjson"])
        case "json":
            return json_response(answer)


def _period(query: PortfolioSeriesAsked, now: datetime) -> tuple[datetime, datetime]:
    """The period that is asked. Raises ProblemError."""
    end = query.end or now
    start = query.start or end - PERIODS[query.step]
    if end > now:
        raise invalid(RequestFault(pointer="/query/to", detail="must not be in the future"))
    if start >= end:
        raise invalid(RequestFault(pointer="/query/from", detail="must be before `to`"))
    if end - start > LONGEST[query.step]:
        detail = f"more than {MOST_STEPS} steps: take a longer `step`, or a shorter period"
        raise invalid(RequestFault(pointer="/query/from", detail=detail))
    return start, end
