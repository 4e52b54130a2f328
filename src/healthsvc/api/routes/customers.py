"""Customers: the list, one evaluated now, why it stands where it does, its past."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.languages import Chosen, Preferred, mark
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import INVALID_CURSOR, INVALID_REQUEST, NOT_FOUND, PAST_NOT_KEPT
from healthsvc.api.problems import RequestFault, invalid, not_found
from healthsvc.api.responses import answers, json_response
from healthsvc.core.languages import Language
from healthsvc.flows import lists
from healthsvc.flows.customers import diff, past
from healthsvc.flows.customers.explanation import explain
from healthsvc.flows.customers.health import customer_health
from healthsvc.store.customers.customer_summary import StandingFilter
from healthsvc.store.customers.history import Span
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.customers.customer import Customer, CustomerFilter, Standing, Standings
from healthsvc.wire.rest.customers.diffs import Diff, DiffAsked
from healthsvc.wire.rest.customers.explanations import Explanation, ExplanationAsked
from healthsvc.wire.rest.customers.history import History, HistoryFilter, Timeline, TimelineFilter

router = APIRouter(tags=["customers"])
Reader = Annotated[Principal, require("customers:read")]
# Ids may contain slashes: an encoded one (%2F) always belongs to the id, a bare one unless it
# begins a known ending.
CustomerId = Annotated[
    str, ENCODED, Path(description="The customer's id, as in its events.", examples=["acme"])
]


@router.get(
    "/v1/customers",
    operation_id="list_customers",
    summary="List customers",
    responses=answers(Standings, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_customers(
    request: Request, _: Reader, query: Annotated[CustomerFilter, Query()]
) -> Standings:
    """Customers as last decided, the riskiest first; `as_of` says up to when everything logged is
    counted.

    Customers who come, go or move elsewhere never make the list skip or repeat one that stays. One
    that moves across the place you are at may be met twice, or not at all: sort by `customer_id` to
    meet each exactly once.

    The loyal ones who are easily overlooked: `?tier=tech&sort=loyalty`, and the same with
    `tier=low`; `flag=loyal` or `loyalty_min=60` leaves out the others.

    Scope: `customers:read`.
    """
    which = StandingFilter(
        **query.model_dump(
            include={"band", "flag", "owner", "segment", "tier", "loyalty_min", "icp_fit_min"}
        ),
        parent_id=query.parent,
    )
    as_of, version, page = await lists.standings(services(request).engine, query, which, query.sort)
    return Standings(
        as_of=as_of,
        scorecard_version=version,
        items=[Standing.model_validate(standing) for standing in page.items],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
    )


@router.get(
    "/v1/customers/{customer_id:path}/health/explanation",
    operation_id="explain_health",
    summary="Explain a customer's score",
    response_class=Response,
    responses=answers(Explanation, NOT_FOUND, INVALID_REQUEST, PAST_NOT_KEPT),
)
async def explain_health(
    request: Request,
    _: Reader,
    customer_id: CustomerId,
    query: Annotated[ExplanationAsked, Query()],
    prefers: Preferred,
) -> Response:
    """What makes up the score: contributions that add up to it, caps included, each with the events
    that made it.

    With `at`, the explanation that was given at that past instant: from the events that had been
    counted by then, under the version that was live then. `sentence` says it in words, to be read
    out. Scope: `customers:read`.
    """
    deps = services(request)
    now, language = deps.now(), query.language or prefers
    if query.at is None:
        explanation = await explain(deps.engine, valid_customer_id(customer_id), now, language)
    else:
        _in_the_past(query.at, now, "at")
        explanation = await past.explanation(
            deps.engine, valid_customer_id(customer_id), query.at, language
        )
    if explanation is None:
        raise not_found("customer")
    answer = Explanation.model_validate(explanation)
    return _worded(json_response(answer, answer.left_out()), language)


@router.get(
    "/v1/customers/{customer_id:path}/health/diff",
    operation_id="diff_health",
    summary="Tell what moved a customer's score",
    response_class=Response,
    responses=answers(Diff, NOT_FOUND, INVALID_REQUEST, PAST_NOT_KEPT),
)
async def diff_health(
    request: Request,
    _: Reader,
    customer_id: CustomerId,
    query: Annotated[DiffAsked, Query()],
    prefers: Preferred,
) -> Response:
    """The change between two instants in five parts that add up to it: new events, ageing, late
    data, configuration, override; each by measure, with its newest events. `sentence` says it in
    words, to be read out.

    Scope: `customers:read`.
    """
    deps = services(request)
    now, language = deps.now(), query.language or prefers
    until = query.until or now
    _in_the_past(until, now, "to")
    if query.since > until:
        raise invalid(RequestFault(pointer="/query/from", detail="must not be after `to`"))
    change = await diff.between(
        deps.engine, valid_customer_id(customer_id), query.since, until, language
    )
    if change is None:
        raise not_found("customer")
    return _worded(json_response(Diff.model_validate(change)), language)


@router.get(
    "/v1/customers/{customer_id:path}/health/history",
    operation_id="list_history",
    summary="List a customer's past health",
    responses=answers(History, NOT_FOUND, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_history(
    request: Request, _: Reader, customer_id: CustomerId, query: Annotated[HistoryFilter, Query()]
) -> History:
    """Recorded decisions, newest first: one for each change of band or flags, each move of a point,
    and one a day.

    Scope: `customers:read`.
    """
    page = await lists.history(
        services(request).engine,
        query,
        valid_customer_id(customer_id),
        Span(after=query.after, before=query.before),
    )
    if page is None:
        raise not_found("customer")
    return History.model_validate(page)


@router.get(
    "/v1/customers/{customer_id:path}/events",
    operation_id="list_customer_events",
    summary="List a customer's events",
    responses=answers(Timeline, NOT_FOUND, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_customer_events(
    request: Request, _: Reader, customer_id: CustomerId, query: Annotated[TimelineFilter, Query()]
) -> Timeline:
    """The timeline, newest first: each event as it was received, and the day on which it entered
    the log.

    Empty where the archive is switched off. Scope: `customers:read`.
    """
    page = await lists.timeline(
        services(request).engine, query, valid_customer_id(customer_id), query.type
    )
    if page is None:
        raise not_found("customer")
    return Timeline.model_validate(page)


@router.get(
    "/v1/customers/{customer_id:path}",
    operation_id="get_customer",
    summary="Get a customer's health",
    response_class=Response,
    responses=answers(Customer, NOT_FOUND, INVALID_REQUEST),
)
async def get_customer(
    request: Request, _: Reader, customer_id: CustomerId, language: Chosen
) -> Response:
    """Profile, score, band, risk and flags, evaluated at this moment from everything counted so
    far.

    Scope: `customers:read`.
    """
    deps = services(request)
    health = await customer_health(
        deps.engine, valid_customer_id(customer_id), deps.now(), deps.contact, language
    )
    if health is None:
        raise not_found("customer")
    return _worded(json_response(Customer.model_validate(health)), language)


def _in_the_past(at: datetime, now: datetime, name: str) -> None:
    if at > now:
        raise invalid(RequestFault(pointer=f"/query/{name}", detail="must not be in the future"))


def valid_customer_id(customer_id: str) -> str:
    """Refuse an id that no customer can have. Raises ProblemError."""
    if len(customer_id) > 512 or not is_storable(customer_id):
        raise not_found("customer")
    return customer_id


def _worded(response: Response, language: Language) -> Response:
    mark(response, language)
    return response
