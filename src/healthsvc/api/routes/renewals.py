"""Renewals of a period, as pages of JSON or as a file."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.languages import Preferred
from healthsvc.api.problem_types import INVALID_CURSOR, INVALID_REQUEST
from healthsvc.api.problems import RequestFault, invalid
from healthsvc.api.representations import RENEWALS
from healthsvc.api.responses import IF_NONE_MATCH, UNCHANGED, answers
from healthsvc.core.languages import Language
from healthsvc.flows.renewals.renewal_list import renewals_of
from healthsvc.store.portfolio.renewals import RenewalQuery
from healthsvc.wire.rest.renewals import (
    RENEWAL_COLUMNS,
    Renewals,
    RenewalsAsked,
    RenewalTotalTold,
    to_renewal,
)

router = APIRouter(tags=["portfolio"])
Reader = Annotated[Principal, require("customers:read")]
PERIOD: Final = timedelta(days=90)


@router.get(
    "/v1/renewals",
    operation_id="list_renewals",
    summary="List renewals",
    response_class=Response,
    responses=exporting.also_as_files(
        answers(Renewals, INVALID_REQUEST, INVALID_CURSOR) | UNCHANGED, RENEWAL_COLUMNS
    ),
    openapi_extra=IF_NONE_MATCH,
)
async def list_renewals(
    request: Request, reader: Reader, query: Annotated[RenewalsAsked, Query()], prefers: Preferred
) -> Response:
    """Subscriptions that renew within a period, by date: MRR, what of it is at risk, why, who is on
    it and when somebody spoke with them last; totals by currency.

    Without customers that have left and test accounts. As a file: `Accept: text/csv` or
    `application/x-ndjson`, without totals. Scope: `customers:read`.
    """
    deps, language = services(request), query.language or prefers
    which = _period(deps, query)
    form = exporting.format_of(request, query.format)
    if form != "json":
        return await exporting.stream(
            form,
            "renewals",
            RENEWAL_COLUMNS,
            query,
            lambda part: _page(deps, which, part, language),
        )

    async def make() -> Renewals:
        return await _page(deps, which, query, language)

    return await deps.representations.answer(request.scope, RENEWALS, reader.id, make)


def _period(deps: Services, query: RenewalsAsked) -> RenewalQuery:
    """The period that is asked. Raises ProblemError."""
    midnight = deps.now().replace(hour=0, minute=0, second=0, microsecond=0)
    start = query.start or midnight
    end = query.end or start + PERIOD
    if start >= end:
        raise invalid(RequestFault(pointer="/query/from", detail="must be before `to`"))
    return RenewalQuery(start=start, end=end, owner=query.owner)


async def _page(
    deps: Services, which: RenewalQuery, query: RenewalsAsked, language: Language
) -> Renewals:
    answer = await renewals_of(deps.engine, query, which, deps.now(), language)
    return Renewals(
        **{"from": which.start, "to": which.end},
        as_of=answer.as_of,
        totals=[RenewalTotalTold.model_validate(total) for total in answer.totals],
        items=[to_renewal(item) for item in answer.page.items],
        next_cursor=answer.page.next_cursor,
        prev_cursor=answer.page.prev_cursor,
    )
