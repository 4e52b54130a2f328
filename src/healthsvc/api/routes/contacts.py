"""The people at a customer."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import NOT_FOUND
from healthsvc.api.problems import not_found
from healthsvc.api.responses import answers, json_response
from healthsvc.api.routes.customers import CustomerId, valid_customer_id
from healthsvc.flows.customers.people import people
from healthsvc.wire.rest.customers.rollup import Contacts

router = APIRouter(tags=["customers"])
Reader = Annotated[Principal, require("customers:read")]


@router.get(
    "/v1/customers/{customer_id:path}/contacts",
    operation_id="list_contacts",
    summary="List the people at a customer",
    response_class=Response,
    responses=answers(Contacts, NOT_FOUND),
)
async def list_contacts(request: Request, _: Reader, customer_id: CustomerId) -> Response:
    """Who is there, who went quiet, who has left, each with what they answered and when somebody
    spoke with them.

    From the archive: empty where it is switched off. Scope: `customers:read`.
    """
    deps = services(request)
    contacts = await people(deps.engine, valid_customer_id(customer_id), deps.now())
    if contacts is None:
        raise not_found("customer")
    return json_response(Contacts.model_validate(contacts))
