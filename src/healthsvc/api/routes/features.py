"""Features by name: which a customer pays for and never used."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import INVALID_REQUEST, NOT_FOUND
from healthsvc.api.problems import not_found
from healthsvc.api.responses import answers, json_response
from healthsvc.api.routes.customers import CustomerId, valid_customer_id
from healthsvc.flows.portfolio import features
from healthsvc.wire.rest.customers.features import CustomerFeatures, FeaturesAsked

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
