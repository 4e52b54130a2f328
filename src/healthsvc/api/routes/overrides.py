"""Overrides: somebody's own judgement in place of a score, and how such judgements turned out."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Request

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import (
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    OVERLOADED,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import RequestFault, invalid, not_found
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.api.routes.customers import CustomerId, valid_customer_id
from healthsvc.api.routes.events import append
from healthsvc.core.events import OVERRIDE_LIFTED, OVERRIDE_SET
from healthsvc.flows.customers import overrides
from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.customers.overrides import Wish
from healthsvc.wire.rest.customers.overrides import (
    OverrideAccepted,
    OverrideCreate,
    OverrideLift,
    OverrideRecord,
    OverrideRecords,
)

router = APIRouter(tags=["customers"])
Reader = Annotated[Principal, require("customers:read")]
Writer = Annotated[Principal, require("customers:write")]
WRITES = (NOT_FOUND, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, OVERLOADED)


@router.post(
    "/v1/customers/{customer_id:path}/override",
    operation_id="set_override",
    summary="Judge a customer's health yourself",
    status_code=202,
    responses=answers(OverrideAccepted, *WRITES, status=202),
    openapi_extra=documented(OverrideCreate),
)
async def set_override(
    request: Request,
    principal: Writer,
    customer_id: CustomerId,
    body: Annotated[OverrideCreate, body_of(OverrideCreate)],
) -> OverrideAccepted:
    """The score is what you say until it expires, you lift it or somebody says otherwise; what the
    scorecard says stays visible as `own_score`. It is an event in the log, so it survives
    re-scoring and rebuilding. Flags and their alerts go on as they are.

    The author is the API key's name unless said otherwise. Scope: `customers:write`.
    """
    deps = services(request)
    now = deps.now()
    if body.expires_at <= now:
        raise invalid(RequestFault(pointer="/expires_at", detail="must be in the future"))
    health = await customer_health(deps.engine, valid_customer_id(customer_id), now)
    if health is None:
        raise not_found("customer")
    wish = Wish(
        score=body.score,
        reason=body.reason,
        author=body.author or principal.name,
        expires_at=body.expires_at,
    )
    event_id = f"ov_{secrets.token_hex(8)}"
    event = overrides.set_event(customer_id, event_id, wish, health.score, now)
    (position,) = await append(deps, [(customer_id, event)])
    await overrides.record(
        deps.engine, now, principal.actor, OVERRIDE_SET.name, customer_id, event_id
    )
    return OverrideAccepted(event_id=event_id, position=str(position))


@router.delete(
    "/v1/customers/{customer_id:path}/override",
    operation_id="lift_override",
    summary="Lift an override",
    status_code=202,
    responses=answers(OverrideAccepted, *WRITES, status=202),
    openapi_extra=documented(OverrideLift, optional=True),
)
async def lift_override(
    request: Request,
    principal: Writer,
    customer_id: CustomerId,
    body: Annotated[OverrideLift, body_of(OverrideLift, optional=True)],
) -> OverrideAccepted:
    """The score speaks for itself again. Harmless where there is no override. Scope:
    `customers:write`."""
    deps = services(request)
    now = deps.now()
    if await customer_health(deps.engine, valid_customer_id(customer_id), now) is None:
        raise not_found("customer")
    event_id = f"ov_{secrets.token_hex(8)}"
    event = overrides.lift_event(
        customer_id, event_id, body.author or principal.name, body.reason, now
    )
    (position,) = await append(deps, [(customer_id, event)])
    await overrides.record(
        deps.engine, now, principal.actor, OVERRIDE_LIFTED.name, customer_id, event_id
    )
    return OverrideAccepted(event_id=event_id, position=str(position))


@router.get(
    "/v1/overrides/authors",
    operation_id="list_override_records",
    summary="How overrides turned out, by author",
    responses=answers(OverrideRecords),
)
async def list_override_records(request: Request, _: Reader) -> OverrideRecords:
    """Each author's overrides against what became of the customers within 180 days: who raised a
    customer that left, or lowered one that stayed, was wrong. From the archive, so not longer back
    than it reaches. Scope: `customers:read`.
    """
    deps = services(request)
    records = await overrides.records(deps.engine, deps.now())
    return OverrideRecords(items=[OverrideRecord.model_validate(record) for record in records])
