"""Features by name: what a customer pays for and never used, and which customers do so."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from healthsvc.api import exporting
from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.problem_types import INVALID_CURSOR, INVALID_REQUEST, NOT_FOUND
from healthsvc.api.problems import not_found
from healthsvc.api.responses import answers, json_response
from healthsvc.api.routes.customers import CustomerId, valid_customer_id
from healthsvc.flows.portfolio import features, unused_features
from healthsvc.flows.portfolio.unused_features import Idleness
from healthsvc.store.portfolio.unused_features import UnusedFilter
from healthsvc.wire.rest.customers.features import CustomerFeatures, FeaturesAsked
from healthsvc.wire.rest.unused_features import (
    UNUSED_COLUMNS,
    CustomersWithUnused,
    UnusedFeaturesAsked,
    to_customer,
)

router = APIRouter(tags=["customers"])
Reader = Annotated[Principal, require("customers:read")]


@router.get(
    "/v1/customers/{customer_id:path}/features",
    operation_id="list_features",
    summary="List a customer's features",
    response_class=Response,
    responses=answers(CustomerFeatures, NOT_FOUND, INVALID_REQUEST),
)
async def list_features(
    request: Request, _: Reader, customer_id: CustomerId, query: Annotated[FeaturesAsked, Query()]
) -> Response:
    """Each feature that the customer's plan includes or that it used, with its first and last use;
    those never used come first.

    The names are those of `features_owned` in the profile and of `feature.used`, compared letter by
    letter. From the archive: empty where it is switched off. Scope: `customers:read`.
    """
    deps = services(request)
    told = await features.of_customer(
        deps.engine,
        valid_customer_id(customer_id),
        deps.now(),
        timedelta(days=query.idle_days),
        deps.freshening,
    )
    if told is None:
        raise not_found("customer")
    return json_response(CustomerFeatures.model_validate(told))


@router.get(
    "/v1/features/unused",
    operation_id="list_unused_features",
    summary="List customers with unused features",
    response_class=Response,
    responses=exporting.also_as_files(
        answers(CustomersWithUnused, INVALID_REQUEST, INVALID_CURSOR), UNUSED_COLUMNS
    ),
)
async def list_unused_features(
    request: Request, _: Reader, query: Annotated[UnusedFeaturesAsked, Query()]
) -> Response:
    """Customers that pay for features which they never used, by id, each with the names.

    Only customers whose profile names its features (`features_owned` as a list) and that haven't
    left. From the archive: empty where it is switched off. As a file: `Accept: text/csv` or
    `application/x-ndjson`, to the end of the list. Scope: `customers:read`.
    """
    deps = services(request)
    form = exporting.format_of(request, query.format)
    if form != "json":
        return await exporting.stream(
            form, "unused-features", UNUSED_COLUMNS, query, lambda part: _unused(deps, part)
        )
    return json_response(await _unused(deps, query))


async def _unused(deps: Services, query: UnusedFeaturesAsked) -> CustomersWithUnused:
    found = await unused_features.customers(
        deps.engine,
        query,
        UnusedFilter(**query.model_dump(include={"owner", "segment", "tier", "feature"})),
        Idleness(counts=query.idle, after=timedelta(days=query.idle_days)),
        deps.now(),
        deps.freshening,
    )
    return CustomersWithUnused(
        items=[to_customer(customer) for customer in found.page.items],
        next_cursor=found.page.next_cursor,
        prev_cursor=found.page.prev_cursor,
        kept_from=found.kept_from,
        as_of=found.as_of,
    )
