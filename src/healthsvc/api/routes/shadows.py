"""The shadow: a scorecard version that scores beside the live one until it is published or
ended."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import not_found
from healthsvc.api.publications import publication, publication_of
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.flows import lists
from healthsvc.flows.projections import shadow
from healthsvc.wire.rest.publications import Publication, ScorecardPublish
from healthsvc.wire.rest.shadows import Besides, Shadow, ShadowsAsked
from healthsvc.wire.rest.shapes import Whole

router = APIRouter(tags=["scorecards"], prefix="/v1/scorecards")
Reader = Annotated[Principal, require("customers:read", "scorecards:admin")]
Admin = Annotated[Principal, require("scorecards:admin")]
VersionNumber = Annotated[
    Whole, Path(ge=1, le=2_147_483_647, description="The version's number.", examples=[2])
]


@router.post(
    "/{version}/shadow",
    operation_id="begin_shadow",
    summary="Score a version beside the live one",
    status_code=202,
    responses=answers(
        Publication,
        NOT_FOUND,
        CONFLICT,
        MALFORMED_JSON,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        status=202,
    ),
    openapi_extra=documented(ScorecardPublish, optional=True),
)
async def begin_shadow(
    request: Request,
    principal: Admin,
    version: VersionNumber,
    body: Annotated[ScorecardPublish, body_of(ScorecardPublish, optional=True)],
) -> Publication:
    """It is built from the archive and then kept up to date, without alerts, webhooks or history of
    its own.

    `POST /v1/scorecards/{version}/publish` lets it take over, `DELETE /v1/scorecards/shadow` ends
    it. One version at a time is built or in shadow. While there is a shadow, events cost about
    twice. Scope: `scorecards:admin`.
    """
    deps = services(request)
    outcome = await shadow.begin(
        deps.engine, version, by=principal.actor, now=deps.now(), with_gaps=body.with_gaps
    )
    return await publication_of(request, outcome)


@router.get(
    "/shadow",
    operation_id="get_shadow",
    summary="The shadow beside the live version",
    responses=answers(Shadow, NOT_FOUND),
)
async def get_shadow(request: Request, _: Reader) -> Shadow:
    """How many would be in each band, who moves furthest, how the risks rank, by segment; and, once
    outcomes are known, the skill of both. 404: there is no shadow. Scope: `customers:read` or
    `scorecards:admin`.
    """
    deps = services(request)
    summary = await shadow.summary(deps.engine, deps.now())
    if summary is None:
        raise not_found("shadow")
    members = {
        name: getattr(summary, name) for name in Shadow.model_fields if name != "publication"
    }
    return Shadow.model_validate({"publication": publication(summary.publication), **members})


@router.get(
    "/shadow/customers",
    operation_id="list_shadow_customers",
    summary="Customers by the live version and by the shadow",
    responses=answers(Besides, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_shadow_customers(
    request: Request, _: Reader, query: Annotated[ShadowsAsked, Query()]
) -> Besides:
    """Those decided by both, the newest customers first; empty where there is no shadow. Scope:
    `customers:read` or `scorecards:admin`.
    """
    page = await lists.shadow_customers(
        services(request).engine, query, moved=query.moved, customer_id=query.customer_id
    )
    return Besides.model_validate(page)


@router.delete(
    "/shadow",
    operation_id="end_shadow",
    summary="End the shadow",
    status_code=204,
    responses=answers(None, NOT_FOUND, status=204),
)
async def end_shadow(request: Request, principal: Admin) -> Response:
    """What it made of the customers is deleted; the live version goes on. Scope:
    `scorecards:admin`."""
    deps = services(request)
    if not await shadow.end(deps.engine, by=principal.actor, now=deps.now()):
        raise not_found("shadow")
    return Response(status_code=204)
