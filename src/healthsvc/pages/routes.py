"""The routes of the pages."""

import json
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from healthsvc.api.customer_views import Kind, Question
from healthsvc.api.deps import services
from healthsvc.api.paths import ENCODED
from healthsvc.core.errors import InvalidInput
from healthsvc.core.languages import Language
from healthsvc.flows import lists
from healthsvc.flows.alerts import worklist
from healthsvc.flows.alerts.worklist import Some
from healthsvc.pages import sign_in_routes
from healthsvc.pages.charts import bar, score_plot
from healthsvc.pages.rendering import FOLDER, HOME, language_of, page
from healthsvc.pages.signing_in import (
    FailedSignIns,
    PageError,
    SignInRequiredError,
    Visitor,
    reader,
    to_sign_in,
)
from healthsvc.store.customers.customer_summary import SortColumn, SortOrder, StandingFilter
from healthsvc.store.customers.history import Span
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.shapes import Paging
from healthsvc.wire.rest.worklist import WorkItem

FILTERS: Final = ("q", "band", "flag", "owner", "segment", "tier")
SORTS: Final[tuple[SortColumn, ...]] = ("risk", "mrr", "loyalty", "name", "customer_id")
TIERS: Final = ("high", "low", "tech")
BANDS: Final = ("critical", "at_risk", "watch", "healthy")
ROWS: Final = 50

router = APIRouter(include_in_schema=False)
Reader = Annotated[Visitor, Depends(reader)]


def install(app: FastAPI) -> None:
    """Add the pages to the API's application."""
    app.state.failed_sign_ins = FailedSignIns()
    app.include_router(sign_in_routes.router)
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    app.add_exception_handler(SignInRequiredError, _on_sign_in_required)
    app.add_exception_handler(PageError, _on_page_error)


async def _on_sign_in_required(request: Request, _: Exception) -> Response:
    return to_sign_in(request)


async def _on_page_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PageError)
    return page(request, "error.html", error.status, error=error.text)


@router.get(HOME)
async def show_today(request: Request, visitor: Reader) -> Response:
    """Whom to call today, and what to know before."""
    deps, language = services(request), language_of(request)
    now, owner = deps.now(), request.query_params.get("owner") or None
    if owner is not None and not is_storable(owner):
        owner = None
    paging = Some(limit=deps.contact.calls_a_day, cursor=None)
    waiting, ranked = await worklist.customers(
        deps.engine, paging, owner, now, deps.contact, language
    )
    items = [WorkItem.model_validate(item) for item in ranked.items]
    if not items and owner is None and not await _has_customers(request):
        return page(request, "first_run.html", visitor=visitor, url=str(request.base_url))
    asked = request.query_params.get("focus")
    first = items[0] if items else None
    focus = next((item for item in items if item.customer_id == asked), first)
    shown: dict[str, Any] = {"items": items, "focus": focus, "waiting": waiting, "owner": owner}
    return page(request, "today.html", visitor=visitor, now=now, **shown)


async def _has_customers(request: Request) -> bool:
    """Whether any customer has been decided."""
    _, _, first = await lists.standings(
        services(request).engine, Paging(limit=1), StandingFilter(), SortOrder("customer_id")
    )
    return bool(first.items)


@router.get("/customers")
async def show_customers(request: Request, visitor: Reader) -> Response:
    """Customers that fit the filters."""
    asked, which, order = _filters(request.query_params)
    paging = Paging.model_construct(limit=ROWS, cursor=request.query_params.get("cursor") or None)
    try:
        as_of, _, rows = await lists.standings(services(request).engine, paging, which, order)
    except InvalidInput:  # a cursor of another list
        return RedirectResponse(f"/customers?{urlencode(asked)}", 303)
    pages = {
        name: f"/customers?{urlencode({**asked, 'cursor': cursor})}" if cursor else None
        for name, cursor in (("previous", rows.prev_cursor), ("next", rows.next_cursor))
    }
    shown: dict[str, Any] = {"rows": rows.items, "as_of": as_of, "pages": pages, "asked": asked}
    choices: dict[str, Any] = {"bands": BANDS, "tiers": TIERS, "sorts": SORTS}
    return page(request, "customers.html", visitor=visitor, **shown, **choices)


def _filters(query: QueryParams) -> tuple[dict[str, str], StandingFilter, SortOrder]:
    """The filters of a query by name, and as the list takes them; a value that no customer can have
    is left out."""
    asked = {name: query[name] for name in FILTERS if query.get(name) and is_storable(query[name])}
    sort: SortColumn = next((name for name in SORTS if name == query.get("sort")), "risk")
    values = {name: (asked[name],) if name in asked else () for name in FILTERS}
    which = StandingFilter(
        search=asked.get("q", ""),
        bands=values["band"],
        flags=values["flag"],
        owners=values["owner"],
        segments=values["segment"],
        tiers=values["tier"],
    )
    return {**asked, "sort": sort}, which, SortOrder(sort)


@router.get("/customers/{customer_id:path}")
async def show_customer(
    request: Request, visitor: Reader, customer_id: Annotated[str, ENCODED, Path()]
) -> Response:
    """One customer: its score over time, why, facts and latest events."""
    deps, language = services(request), language_of(request)
    if len(customer_id) > 512 or not is_storable(customer_id):
        raise PageError(404, "error.missing")
    health = await _view(request, "health", customer_id, language)
    why = await _view(request, "explanation", customer_id, language)
    history = await lists.history(
        deps.engine, Paging(limit=100), customer_id, Span(after=None, before=None)
    )
    timeline = await lists.timeline(deps.engine, Paging(limit=20), customer_id, None)
    decisions = history.items if history else []
    shown: dict[str, Any] = {
        "customer": health,
        "why": why,
        "decisions": decisions,
        "plot": score_plot(decisions, deps.now()),
        "events": timeline.items if timeline else [],
        "bar": bar,
    }
    return page(request, "customer.html", visitor=visitor, **shown)


async def _view(
    request: Request, kind: Kind, customer_id: str, language: Language
) -> dict[str, Any]:
    """What the API answers about a customer. Raises PageError."""
    view = await services(request).customer_views.view(Question(kind, customer_id, language))
    if view is None or view.body is None:
        raise PageError(404, "error.missing")
    answer: dict[str, Any] = json.loads(view.body)
    return answer
