"""The identity map: which customer an id of another system stands for, and what waits to learn
it."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AfterValidator

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import (
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import not_found
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.flows import lists
from healthsvc.flows.sources import links, overview
from healthsvc.wire.rest.shapes import storable
from healthsvc.wire.rest.sources import (
    CustomerLink,
    CustomerLinks,
    LinkAsked,
    LinkMade,
    LinksAsked,
    UnlinkedName,
    UnlinkedNames,
)

router = APIRouter(tags=["sources"], prefix="/v1/links")
Admin = Annotated[Principal, require("admin")]
Reader = Annotated[Principal, require("customers:read")]
Namespace = Annotated[
    str,
    ENCODED,
    Path(
        pattern=r"^[a-z][a-z0-9_.-]{0,62}$",
        description="The system that the id is of.",
        examples=["stripe"],
    ),
]
ExternalId = Annotated[
    str,
    ENCODED,
    AfterValidator(storable),
    Path(min_length=1, max_length=200, description="The id there.", examples=["cus_1"]),
]
BODY_PROBLEMS: Final = (MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)


@router.get(
    "",
    operation_id="list_links",
    summary="List links of customers",
    responses=answers(CustomerLinks, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_links(
    request: Request, _: Reader, asked: Annotated[LinksAsked, Query()]
) -> CustomerLinks:
    """Ids of other systems, and the customers that they stand for. Scope: `customers:read`."""
    page = await lists.customer_links(services(request).engine, asked, asked.customer_id)
    return CustomerLinks(
        items=[CustomerLink.model_validate(link) for link in page.items],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
    )


@router.get(
    "/waiting",
    operation_id="list_unlinked",
    summary="List ids that events wait for",
    responses=answers(UnlinkedNames),
)
async def list_unlinked(request: Request, _: Admin) -> UnlinkedNames:
    """Ids that nobody has linked, and how many events wait for each, most first. An event waits for
    30 days, and 100,000 at most wait. Scope: `admin`."""
    names, waiting = await overview.unlinked_names(services(request).engine)
    return UnlinkedNames(
        items=[UnlinkedName.model_validate(name) for name in names], waiting_events=waiting
    )


@router.put(
    "/{namespace}/{external_id}",
    operation_id="link_customer",
    summary="Link an id to a customer",
    responses=answers(LinkMade, *BODY_PROBLEMS),
    openapi_extra=documented(LinkAsked),
)
async def link_customer(
    request: Request,
    _: Admin,
    namespace: Namespace,
    external_id: ExternalId,
    body: Annotated[LinkAsked, body_of(LinkAsked)],
) -> LinkMade:
    """From now on the id stands for the customer, as `customer.linked` in the log says. Events that
    waited for it enter the log in the same transaction, at their own times. What came in before
    under another link stays where it is. Scope: `admin`."""
    deps = services(request)
    made = await links.link_by_hand(
        deps.engine, (namespace, external_id), body.customer_id, deps.now(), deps.partitions
    )
    position = ",".join(str(each) for each in made.positions) or None
    return LinkMade(is_new=made.is_new, released=made.released, position=position)


@router.delete(
    "/{namespace}/{external_id}",
    operation_id="unlink_customer",
    summary="End a link",
    status_code=204,
    response_class=Response,
    responses=answers(None, NOT_FOUND, INVALID_REQUEST, status=204),
)
async def unlink_customer(
    request: Request, _: Admin, namespace: Namespace, external_id: ExternalId
) -> Response:
    """The id stands for nobody from now on; what came in by it stays. Scope: `admin`."""
    if not await overview.unlink(services(request).engine, namespace, external_id):
        raise not_found("link")
    return Response(status_code=204)
