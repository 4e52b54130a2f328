"""The list of customers, as pages of JSON or as a file."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.languages import Preferred
from healthsvc.api.problem_types import INVALID_CURSOR, INVALID_REQUEST
from healthsvc.api.problems import RequestFault, invalid
from healthsvc.api.representations import CUSTOMERS
from healthsvc.api.responses import IF_NONE_MATCH, UNCHANGED, answers
from healthsvc.core.languages import Language
from healthsvc.core.nearest import hint
from healthsvc.flows import lists
from healthsvc.flows.customers import customer_list, summary_changes
from healthsvc.flows.customers.customer_list import ListWords
from healthsvc.store.customers.customer_summary import SortColumn, SortOrder, StandingFilter
from healthsvc.wire.rest.customers.customer_list import (
    COLUMNS,
    SORTS,
    CustomerFilter,
    Standing,
    Standings,
)

router = APIRouter(tags=["customers"])
Reader = Annotated[Principal, require("customers:read")]
_SEPARATED: Final = ("band", "flag", "tier", "stage", "currency", "fields")
"""Names without commas, which may stand between them."""
_NAMES: Final = (*_SEPARATED, "owner", "segment")
_BOUNDS: Final = {
    *("loyalty_min", "icp_fit_min", "score_min", "score_below", "risk_min", "risk_below"),
    *("mrr_from", "mrr_below", "renewal_from", "renewal_before"),
    *("band_since_from", "band_since_before"),
}
"""Parts of the filter that the store calls the same."""


@router.get(
    "/v1/customers",
    operation_id="list_customers",
    summary="List customers",
    response_class=Response,
    responses=exporting.also_as_files(
        answers(Standings, INVALID_REQUEST, INVALID_CURSOR) | UNCHANGED, COLUMNS
    ),
    openapi_extra=IF_NONE_MATCH,
)
async def list_customers(
    request: Request, reader: Reader, query: Annotated[CustomerFilter, Query()], prefers: Preferred
) -> Response:
    """Customers as last decided, the riskiest first; `as_of` says up to when everything logged is
    counted.

    Customers who come, go or move elsewhere never make the list skip or repeat one that stays. One
    that moves across the place you are at may be met twice, or not at all: sort by `customer_id` to
    meet each exactly once.

    Renewals of the next quarter, the largest first:
    `?renewal_from=2026-12-01T00:00:00Z&renewal_before=2027-03-01T00:00:00Z&sort=mrr`. The loyal
    ones who are easily overlooked: `?tier=tech,low&sort=loyalty&loyalty_min=60`.

    As a file: `Accept: text/csv` or `application/x-ndjson`. Scope: `customers:read`.
    """
    deps, language = services(request), query.language or prefers
    form = exporting.format_of(request, query.format)
    asked = await _asked(deps, query)
    if form != "json":
        return await exporting.stream(
            form,
            "customers",
            asked.fields or COLUMNS,
            query,
            lambda part: _page(deps, asked, part, language),
        )

    async def make() -> Mapping[str, Any]:
        return (await _page(deps, asked, query, language)).answer

    return await deps.representations.answer(request.scope, CUSTOMERS, reader.id, make)


class _ListAsked(NamedTuple):
    """A request that was looked through."""

    which: StandingFilter
    order: SortOrder
    fields: Sequence[str]
    """Of each row; empty: all."""
    words: ListWords
    changes_cursor: str


class _ListPage(NamedTuple):
    """One page: the answer, its items, and where it goes on."""

    answer: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]]
    next_cursor: str | None


async def _asked(deps: Services, query: CustomerFilter) -> _ListAsked:
    """Raises ProblemError, which says of each name that isn't known which one was meant."""
    words = await customer_list.words(deps.engine)
    names = {name: _split(name, getattr(query, name)) for name in _NAMES}
    known = {**words.names, "fields": COLUMNS}
    column = query.sort.removeprefix("-")
    unknown = [
        RequestFault(pointer=f"/query/{name}", detail=hint(value, known[name]))
        for name in known
        for value in names[name]
        if value not in known[name]
    ]
    if column not in SORTS:
        unknown.append(RequestFault(pointer="/query/sort", detail=hint(column, SORTS)))
    if unknown:
        raise invalid(*unknown)
    changes = await summary_changes.since(deps.engine, query.changed_since)
    which = StandingFilter(
        changed_outside=changes.not_in,
        customer_ids=tuple(query.ids),
        search=query.q or "",
        bands=names["band"],
        flags=names["flag"],
        owners=names["owner"],
        segments=names["segment"],
        tiers=names["tier"],
        stages=names["stage"],
        currencies=tuple(name.upper() for name in names["currency"]),
        parent_id=query.parent,
        **query.model_dump(include=_BOUNDS),
    )
    order = SortOrder(cast(SortColumn, column), query.sort.startswith("-"))
    return _ListAsked(which, order, names["fields"], words, changes.next_cursor)


def _split(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """The names that were given: of most filters also with commas between them."""
    if name not in _SEPARATED:
        return tuple(values)
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


async def _page(
    deps: Services, asked: _ListAsked, query: CustomerFilter, language: Language
) -> _ListPage:
    as_of, version, page = await lists.standings(deps.engine, query, asked.which, asked.order)
    items = [
        Standing(
            **{name: getattr(standing, name) for name in COLUMNS if name != "reason"},
            reason=asked.words.reason(standing.flags, language),
        ).model_dump(include=set(asked.fields) or None)
        for standing in page.items
    ]
    head = Standings(
        as_of=as_of,
        scorecard_version=version,
        changes_cursor=asked.changes_cursor if query.cursor is None else None,
        items=[],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
    )
    return _ListPage(head.model_dump() | {"items": items}, items, page.next_cursor)
