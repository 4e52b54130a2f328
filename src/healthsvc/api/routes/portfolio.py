"""The portfolio's figures over a period."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import INVALID_REQUEST
from healthsvc.api.problems import RequestFault, invalid
from healthsvc.api.responses import answers
from healthsvc.flows.portfolio import figures
from healthsvc.wire.rest.portfolio import Portfolio, PortfolioAsked, as_csv, as_ndjson, to_response

router = APIRouter(tags=["portfolio"])
Reader = Annotated[Principal, require("customers:read")]
PERIOD: Final = timedelta(days=30)


def _described() -> dict[int | str, dict[str, Any]]:
    table, lines = as_csv(_example()), as_ndjson(_example()).decode()
    return exporting.with_files(answers(Portfolio, INVALID_REQUEST), table, lines)


def _example() -> Portfolio:
    extra: Any = Portfolio.model_config["json_schema_extra"]
    return Portfolio.model_validate(extra["examples"][0])


@router.get(
    "/v1/portfolio",
    operation_id="get_portfolio",
    summary="Measure the portfolio over a period",
    response_class=Response,
    responses=_described(),
)
async def get_portfolio(
    request: Request, _: Reader, query: Annotated[PortfolioAsked, Query()]
) -> Response:
    """Retention, churn, GRR, NRR, NPS, CSAT, CES, time to first answer and to resolution, adoption,
    each beside the same of the period just before; in all and by segment, tier or owner. With
    `Accept: text/csv` as a table, with `application/x-ndjson` a part a line.

    A measure is null where there is nothing to divide by, or the events of the period aren't all
    kept. Scope: `customers:read`.
    """
    deps = services(request)
    now = deps.now()
    end = query.end or now
    start = query.start or end - PERIOD
    if end > now:
        raise invalid(RequestFault(pointer="/query/to", detail="must not be in the future"))
    if start >= end:
        raise invalid(RequestFault(pointer="/query/from", detail="must be before `to`"))
    portfolio = to_response(
        await figures.portfolio(
            deps.engine, start, end, query.by, deps.freshening, trials=query.trials
        )
    )
    form = exporting.format_of(request, query.format)
    if form == "csv":
        return Response(as_csv(portfolio), media_type=exporting.TYPES[form])
    if form == "ndjson":
        return Response(as_ndjson(portfolio), media_type=exporting.TYPES[form])
    return Response(portfolio.model_dump_json(by_alias=True), media_type="application/json")
