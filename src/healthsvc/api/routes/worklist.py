"""What is most worth a call today."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.fields import SparseList, checked, sparse_list
from healthsvc.api.languages import Preferred
from healthsvc.api.problem_types import INVALID_CURSOR, INVALID_REQUEST
from healthsvc.api.representations import WORKLIST
from healthsvc.api.responses import IF_NONE_MATCH, UNCHANGED, answers
from healthsvc.core.languages import Language
from healthsvc.flows.alerts import worklist
from healthsvc.flows.alerts.worklist import Some
from healthsvc.wire.rest.worklist import WORKLIST_COLUMNS, WorkItem, Worklist, WorklistAsked

router = APIRouter(tags=["alerts"])
Reader = Annotated[Principal, require("customers:read")]


@router.get(
    "/v1/worklist",
    operation_id="get_worklist",
    summary="Tell whom to call today",
    response_class=Response,
    responses=exporting.also_as_files(
        answers(Worklist, INVALID_REQUEST, INVALID_CURSOR) | UNCHANGED, WORKLIST_COLUMNS
    ),
    openapi_extra=IF_NONE_MATCH,
)
async def get_worklist(
    request: Request, reader: Reader, query: Annotated[WorklistAsked, Query()], prefers: Preferred
) -> Response:
    """An owner's customers that need a call by what stands now, those most worth it first: as many
    as somebody can speak with in a day. Each with why it is ranked there, when to call, how often
    it was contacted, and a briefing.

    On it are the lower half of the bands, flags whose alert is a warning or critical, and alerts
    that wait, whether or not an alert was raised: after an import, too. Not on it are customers
    that have left, and those whom somebody called today, unless something critical began since.
    The 2,000 that stand worst and the newest 1,000 alerts are ranked, as of the first page.

    As a file: `Accept: text/csv` or `application/x-ndjson`, to the end of the list.
    Scope: `customers:read`.
    """
    deps, language = services(request), query.language or prefers
    form = exporting.format_of(request, query.format)
    names = checked(query.fields, WorkItem)

    async def page(part: WorklistAsked) -> SparseList:
        return sparse_list(await _worklist(deps, part, language), names)

    if form != "json":
        return await exporting.stream(form, "worklist", names or WORKLIST_COLUMNS, query, page)

    async def make() -> BaseModel | Mapping[str, Any]:
        return (await page(query)).answer

    return await deps.representations.answer(request.scope, WORKLIST, reader.id, make)


async def _worklist(deps: Services, query: WorklistAsked, language: Language) -> Worklist:
    now = deps.now()
    paging = Some(limit=query.limit or deps.contact.calls_a_day, cursor=query.cursor)
    waiting, page = await worklist.customers(
        deps.engine, paging, query.owner, now, deps.contact, language
    )
    items = [WorkItem.model_validate(item) for item in page.items]
    return Worklist(
        as_of=now,
        waiting=waiting,
        items=items,
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
    )
