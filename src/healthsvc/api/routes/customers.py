"""One customer: evaluated now, why it stands where it does, its past."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.customer_views import Question
from healthsvc.api.deps import services
from healthsvc.api.entity_tags import tags_in
from healthsvc.api.fields import NO_FIELDS, Fields, checked
from healthsvc.api.languages import Chosen, Preferred, mark
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import INVALID_CURSOR, INVALID_REQUEST, NOT_FOUND, PAST_NOT_KEPT
from healthsvc.api.problems import RequestFault, invalid, not_found
from healthsvc.api.responses import IF_NONE_MATCH, UNCHANGED, answers, json_response
from healthsvc.core.languages import Language
from healthsvc.flows import lists
from healthsvc.flows.customers import diff, past
from healthsvc.store.customers.history import Span
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.customers.customer import Customer
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
    "/v1/customers/{customer_id:path}/health/explanation",
    operation_id="explain_health",
    summary="Explain a customer's score",
    response_class=Response,
    responses=answers(Explanation, NOT_FOUND, INVALID_REQUEST, PAST_NOT_KEPT) | UNCHANGED,
    openapi_extra=IF_NONE_MATCH,
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
    members = checked(query.fields, Explanation)
    if query.at is None:
        question = Question("explanation", customer_id, language, fields=members)
        return await current_view(request, question)
    _in_the_past(query.at, now, "at")
    explanation = await past.explanation(
        deps.engine, valid_customer_id(customer_id), query.at, language
    )
    if explanation is None:
        raise not_found("customer")
    answer = Explanation.model_validate(explanation)
    return _worded(json_response(answer, answer.left_out(), members), language)


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
    responses=answers(Customer, NOT_FOUND, INVALID_REQUEST) | UNCHANGED,
    openapi_extra=IF_NONE_MATCH,
)
async def get_customer(
    request: Request,
    _: Reader,
    customer_id: CustomerId,
    language: Chosen,
    fields: Fields = NO_FIELDS,
) -> Response:
    """Profile, score, band, risk and flags, evaluated from everything counted so far.

    The answer is the same, byte by byte, until something about the customer changes, time alone
    changes a flag, or ten seconds are over; `evaluated_at` says when it was made. With its ETag in
    `If-None-Match` it needn't be sent again. Scope: `customers:read`.
    """
    members = checked(fields, Customer)
    return await current_view(request, Question("health", customer_id, language, fields=members))


async def current_view(request: Request, question: Question) -> Response:
    """The answer about a customer as of now, or 304 if the client has it."""
    tags = tuple(tags_in(request.headers.get("if-none-match", "")))
    valid_customer_id(question.customer_id)
    view = await services(request).customer_views.view(question._replace(tags=tags))
    if view is None:
        raise not_found("customer")
    return view.response()


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
