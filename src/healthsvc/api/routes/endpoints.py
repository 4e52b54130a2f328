"""Webhook endpoints: made, tried out, removed; and what was delivered to them."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.paths import ENCODED
from healthsvc.api.problem_types import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
    URL_REFUSED,
)
from healthsvc.api.problems import ProblemError, RequestFault, invalid, not_found
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.core.changes import filter_input
from healthsvc.core.changes.filter import NO_FILTER, ChangeFilter
from healthsvc.core.changes.filter_input import FilterError, KnownNames
from healthsvc.flows.customers import customer_list
from healthsvc.flows.delivery import endpoints
from healthsvc.store.delivery.endpoints import EndpointSpec
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.deliveries import Deliveries
from healthsvc.wire.rest.endpoints import (
    Endpoint,
    EndpointCreate,
    EndpointCreated,
    EndpointFilter,
    EndpointPatch,
    Endpoints,
    EndpointSecret,
    TestSent,
)
from healthsvc.wire.rest.shapes import Paging
from healthsvc.wire.webhooks.registry import CHANGE_TYPES, TYPES

router = APIRouter(tags=["webhooks"], prefix="/v1/webhooks/endpoints")
Admin = Annotated[Principal, require("webhooks:admin")]
DeliveryId = Annotated[int, Path(ge=1, lt=1 << 63, description="The delivery's id.", examples=[17])]
EndpointId = Annotated[str, ENCODED, Path(description="The endpoint's id.", examples=["ep_2f7c"])]


@router.post(
    "",
    operation_id="create_endpoint",
    summary="Create an endpoint",
    status_code=201,
    responses=answers(
        EndpointCreated,
        MALFORMED_JSON,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        URL_REFUSED,
        status=201,
    ),
    openapi_extra=documented(EndpointCreate),
)
async def create_endpoint(
    request: Request,
    response: Response,
    principal: Admin,
    body: Annotated[EndpointCreate, body_of(EndpointCreate)],
) -> EndpointCreated:
    """From now on its URL gets what happens, signed by Standard Webhooks. The `secret` is shown
    this once.

    Scope: `webhooks:admin`.
    """
    deps = services(request)
    _check_types(body.event_types)
    await _check_url(deps, body.url)
    spec = EndpointSpec(
        url=body.url,
        event_types=body.event_types,
        description=body.description,
        which=await _filter(deps, body.filter),
        enabled=body.enabled,
    )
    created = await endpoints.create(
        deps.engine, deps.now(), deps.vault, spec, actor=principal.actor
    )
    response.headers["location"] = f"/v1/webhooks/endpoints/{created.endpoint.id}"
    endpoint = Endpoint.model_validate(created.endpoint)
    return EndpointCreated(**endpoint.model_dump(), secret=created.secret)


@router.get(
    "",
    operation_id="list_endpoints",
    summary="List endpoints",
    responses=answers(Endpoints, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_endpoints(
    request: Request, _: Admin, query: Annotated[Paging, Query()]
) -> Endpoints:
    """Endpoints, newest first. Scope: `webhooks:admin`."""
    return Endpoints.model_validate(await endpoints.page(services(request).engine, query))


@router.get(
    "/{endpoint_id}",
    operation_id="get_endpoint",
    summary="Get an endpoint",
    responses=answers(Endpoint, NOT_FOUND),
)
async def get_endpoint(request: Request, _: Admin, endpoint_id: EndpointId) -> Endpoint:
    """One endpoint, without its secret. Scope: `webhooks:admin`."""
    endpoint = await endpoints.find(services(request).engine, _valid_id(endpoint_id))
    if endpoint is None:
        raise not_found("endpoint")
    return Endpoint.model_validate(endpoint)


@router.patch(
    "/{endpoint_id}",
    operation_id="change_endpoint",
    summary="Change an endpoint",
    responses=answers(
        Endpoint,
        NOT_FOUND,
        MALFORMED_JSON,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        URL_REFUSED,
    ),
    openapi_extra=documented(EndpointPatch),
)
async def change_endpoint(
    request: Request,
    principal: Admin,
    endpoint_id: EndpointId,
    body: Annotated[EndpointPatch, body_of(EndpointPatch)],
) -> Endpoint:
    """What the request names is changed, the rest stays. What waits goes to the new URL. Switched
    off, it gets nothing new, and what waits for it waits until it is on again.

    Scope: `webhooks:admin`.
    """
    deps = services(request)
    _check_types(body.event_types or [])
    if body.url is not None:
        await _check_url(deps, body.url)
    changes = endpoints.EndpointChanges(
        url=body.url,
        event_types=body.event_types,
        which=None if body.filter is None else await _filter(deps, body.filter),
        description=body.description,
        enabled=body.enabled,
    )
    changed = await endpoints.change(
        deps.engine, deps.now(), _valid_id(endpoint_id), changes, actor=principal.actor
    )
    if changed is None:
        raise not_found("endpoint")
    return Endpoint.model_validate(changed)


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/resend",
    operation_id="resend_delivery",
    summary="Send a delivery again",
    status_code=202,
    responses=answers(None, NOT_FOUND, CONFLICT, status=202),
    response_class=Response,
)
async def resend_delivery(
    request: Request, principal: Admin, endpoint_id: EndpointId, delivery_id: DeliveryId
) -> Response:
    """One more try, whatever became of it, with the same `webhook-id`: at once, or when the
    endpoint's rest is over. If it fails, the retries go on where they were; after the last one it
    was one more. Scope: `webhooks:admin`.
    """
    deps = services(request)
    outcome = await endpoints.resend(
        deps.engine, deps.now(), _valid_id(endpoint_id), delivery_id, actor=principal.actor
    )
    if outcome == "missing":
        raise not_found("delivery")
    if outcome == "refused":
        detail = "The endpoint is disabled, or the delivery is being tried now."
        raise ProblemError(CONFLICT, detail)
    return Response(status_code=202)


@router.delete(
    "/{endpoint_id}",
    operation_id="delete_endpoint",
    summary="Delete an endpoint",
    status_code=204,
    response_class=Response,
    responses=answers(None, NOT_FOUND, status=204),
)
async def delete_endpoint(request: Request, principal: Admin, endpoint_id: EndpointId) -> Response:
    """It gets nothing any more; what waits for it is dropped, its attempts are forgotten. Scope:
    `webhooks:admin`."""
    deps = services(request)
    if not await endpoints.delete(
        deps.engine, deps.now(), _valid_id(endpoint_id), actor=principal.actor
    ):
        raise not_found("endpoint")
    return Response(status_code=204)


@router.post(
    "/{endpoint_id}/enable",
    operation_id="enable_endpoint",
    summary="Switch an endpoint on again",
    responses=answers(Endpoint, NOT_FOUND),
)
async def enable_endpoint(request: Request, principal: Admin, endpoint_id: EndpointId) -> Endpoint:
    """After it was disabled: what waits for it is sent. Nothing changes if it is on. Scope:
    `webhooks:admin`."""
    deps = services(request)
    if not await endpoints.enable(
        deps.engine, deps.now(), _valid_id(endpoint_id), actor=principal.actor
    ):
        raise not_found("endpoint")
    return await get_endpoint(request, principal, endpoint_id)


@router.post(
    "/{endpoint_id}/rotate-secret",
    operation_id="rotate_endpoint_secret",
    summary="Rotate an endpoint's secret",
    responses=answers(EndpointSecret, NOT_FOUND),
)
async def rotate_endpoint_secret(
    request: Request, principal: Admin, endpoint_id: EndpointId
) -> EndpointSecret:
    """Deliveries are signed with a new secret, shown this once, and for 24 hours also with the old
    one.

    Scope: `webhooks:admin`.
    """
    deps = services(request)
    new = await endpoints.rotate(
        deps.engine, deps.now(), deps.vault, _valid_id(endpoint_id), actor=principal.actor
    )
    if new is None:
        raise not_found("endpoint")
    return EndpointSecret(id=endpoint_id, secret=new.secret, previous_until=new.previous_until)


@router.post(
    "/{endpoint_id}/test",
    operation_id="test_endpoint",
    summary="Send a test message",
    status_code=202,
    responses=answers(TestSent, NOT_FOUND, CONFLICT, status=202),
)
async def send_test(request: Request, _: Admin, endpoint_id: EndpointId) -> TestSent:
    """Sends `test.sent` to this endpoint alone, whatever types it wants. Scope:
    `webhooks:admin`."""
    deps = services(request)
    delivery = await endpoints.test(deps.engine, deps.now(), _valid_id(endpoint_id))
    if delivery == "missing":
        raise not_found("endpoint")
    if delivery == "disabled":
        raise ProblemError(CONFLICT, "The endpoint is disabled. Enable it first.")
    return TestSent(message_id=delivery)


@router.get(
    "/{endpoint_id}/deliveries",
    operation_id="list_deliveries",
    summary="List an endpoint's deliveries",
    responses=answers(Deliveries, NOT_FOUND, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_deliveries(
    request: Request, _: Admin, endpoint_id: EndpointId, query: Annotated[Paging, Query()]
) -> Deliveries:
    """Deliveries, newest first, each with its attempts: status, duration, the beginning of the
    response.

    Scope: `webhooks:admin`.
    """
    page = await endpoints.deliveries_of(services(request).engine, query, _valid_id(endpoint_id))
    if page is None:
        raise not_found("endpoint")
    return Deliveries.model_validate(page)


async def _check_url(deps: Services, url: str) -> None:
    """Raises ProblemError."""
    objections = await deps.check_url(url)
    if objections:
        faults = [RequestFault(pointer="/url", detail=objection) for objection in objections]
        raise ProblemError(URL_REFUSED, "Webhooks can't go to this URL.", faults)


async def _filter(deps: Services, asked: EndpointFilter | None) -> ChangeFilter:
    """The filter, its names held against the live scorecard. Raises ProblemError."""
    if asked is None:
        return NO_FILTER
    names = (await customer_list.words(deps.engine)).names
    known = KnownNames(types=CHANGE_TYPES, bands=names["band"], flags=names["flag"])
    try:
        return filter_input.from_json(asked.model_dump(exclude_none=True), known)
    except FilterError as error:
        faults = [
            RequestFault(
                pointer=f"/filter/{f.part}" + ("" if f.place is None else f"/{f.place}"),
                detail=f.detail,
            )
            for f in error.faults
        ]
        raise invalid(*faults) from error


def _check_types(event_types: Sequence[str]) -> None:
    """Each is a type that we send. Raises ProblemError, with the nearest name."""
    faults = [
        RequestFault(pointer=f"/event_types/{place}", detail=_unknown_type(name))
        for place, name in enumerate(event_types)
        if name not in TYPES
    ]
    if faults:
        raise invalid(*faults)


def _unknown_type(name: str) -> str:
    near = get_close_matches(name, TYPES, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(TYPES)}"
    return f"is not a type of event that is sent: {hint}"


def _valid_id(endpoint_id: str) -> str:
    """Refuse an id that no endpoint can have. Raises ProblemError."""
    if len(endpoint_id) > 200 or not is_storable(endpoint_id):
        raise not_found("endpoint")
    return endpoint_id
