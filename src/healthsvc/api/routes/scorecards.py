"""Scorecards: versions, looking one through, publishing, and what is live."""

from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Path, Query, Request, Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.problem_types import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    SHIP_GATE,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import ProblemError, RequestFault, invalid, not_found
from healthsvc.api.publications import publication, publication_of
from healthsvc.api.representations import SCORECARD_STATUS, SCORECARDS
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import IF_NONE_MATCH, UNCHANGED, answers
from healthsvc.flows import lists
from healthsvc.flows.alerts import measure_coverage
from healthsvc.flows.projections import publish
from healthsvc.store.projections.scorecards import Version
from healthsvc.wire import yaml_text
from healthsvc.wire.rest.publications import (
    MeasureFed,
    Publication,
    ScorecardPublish,
    ScorecardPublishVersion,
    ScorecardStatus,
)
from healthsvc.wire.rest.scorecards import (
    Scorecard,
    ScorecardCheck,
    ScorecardCreate,
    ScorecardVersion,
    ScorecardVersions,
)
from healthsvc.wire.rest.shapes import Paging, Whole
from healthsvc.wire.scorecards.document import default_document, load
from healthsvc.wire.scorecards.faults import doubts, faults
from healthsvc.wire.yaml_text import YamlFault

router = APIRouter(tags=["scorecards"], prefix="/v1/scorecards")
Reader = Annotated[Principal, require("customers:read", "scorecards:admin")]
Admin = Annotated[Principal, require("scorecards:admin")]
VersionNumber = Annotated[
    Whole, Path(ge=1, le=2_147_483_647, description="The version's number.", examples=[1])
]
BODIES = (MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)


@router.get(
    "",
    operation_id="list_scorecards",
    summary="List scorecard versions",
    response_class=Response,
    responses=answers(ScorecardVersions, INVALID_REQUEST, INVALID_CURSOR) | UNCHANGED,
    openapi_extra=IF_NONE_MATCH,
)
async def list_scorecards(
    request: Request, reader: Reader, query: Annotated[Paging, Query()]
) -> Response:
    """Versions, newest first, drafts too. Scope: `customers:read` or `scorecards:admin`."""
    deps = services(request)

    async def make() -> ScorecardVersions:
        versions = await lists.scorecard_versions(deps.engine, query)
        return ScorecardVersions.model_validate(versions)

    return await deps.representations.answer(request.scope, SCORECARDS, reader.id, make)


@router.post(
    "",
    operation_id="create_scorecard",
    summary="Keep a scorecard as a new version",
    status_code=201,
    responses=answers(Scorecard) | answers(Scorecard, *BODIES, status=201),
    openapi_extra=documented(ScorecardCreate),
)
async def create_scorecard(
    request: Request,
    response: Response,
    principal: Admin,
    body: Annotated[ScorecardCreate, body_of(ScorecardCreate)],
) -> Scorecard:
    """A draft: it changes nothing until it is published, and its document never changes.

    The very document of an existing version answers that one, with 200. Scope: `scorecards:admin`.
    """
    deps = services(request)
    document = await deps.aside(_checked, body)
    version, is_new = await publish.keep(deps.engine, document, by=principal.actor, now=deps.now())
    response.status_code = 201 if is_new else 200
    response.headers["location"] = f"/v1/scorecards/{version.version}"
    return await deps.aside(_response, version)


@router.post(
    "/validate",
    operation_id="validate_scorecard",
    summary="Look a scorecard through",
    responses=answers(ScorecardCheck, *BODIES),
    openapi_extra=documented(ScorecardCreate),
)
async def validate_scorecard(
    request: Request, _: Admin, body: Annotated[ScorecardCreate, body_of(ScorecardCreate)]
) -> ScorecardCheck:
    """422 names everything that is wrong, by JSON Pointer into the request. Keeps nothing.

    Scope: `scorecards:admin`.
    """
    return await services(request).aside(_looked_through, body)


@router.get(
    "/status",
    operation_id="get_scorecard_status",
    summary="What is live, what is being built, which measures are not fed",
    response_class=Response,
    responses=answers(ScorecardStatus) | UNCHANGED,
    openapi_extra=IF_NONE_MATCH,
)
async def get_scorecard_status(request: Request, reader: Reader) -> Response:
    """The live version, the last publications, and for each measure whether any event has fed it in
    30 days.

    A measure that isn't fed is a slip in the scorecard, or a source that has stopped. Scope:
    `customers:read` or `scorecards:admin`.
    """
    deps = services(request)
    return await deps.representations.answer(
        request.scope, SCORECARD_STATUS, reader.id, lambda: _status(deps)
    )


async def _status(deps: Services) -> ScorecardStatus:
    now = deps.now()
    publications = [publication(p) for p in await publish.progress(deps.engine)]
    measured, looked_at = await measure_coverage.measures(deps.engine, now)
    return ScorecardStatus(
        live_version=next(p.version for p in publications if p.state == "live"),
        building=next((p for p in publications if p.state in ("building", "shadow")), None),
        publications=publications,
        unfed=[m.measure for m in measured if not m.fed],
        measures=[MeasureFed.model_validate(m) for m in measured],
        customers_looked_at=looked_at,
        as_of=now,
    )


@router.post(
    "/rebuild",
    operation_id="rebuild",
    summary="Build the live version anew from the archive",
    status_code=202,
    responses=answers(Publication, CONFLICT, *BODIES, status=202),
    openapi_extra=documented(ScorecardPublish, optional=True),
)
async def rebuild(
    request: Request,
    principal: Admin,
    body: Annotated[ScorecardPublish, body_of(ScorecardPublish, optional=True)],
) -> Publication:
    """The same document, folded once more from the archive, takes over: the same states. Scope:
    `scorecards:admin`."""
    deps = services(request)
    outcome = await publish.rebuild(
        deps.engine, by=principal.actor, now=deps.now(), with_gaps=body.with_gaps
    )
    return await publication_of(request, outcome)


@router.post(
    "/cancel",
    operation_id="cancel_publishing",
    summary="Give up what is being built",
    status_code=204,
    responses=answers(None, CONFLICT, status=204),
)
async def cancel_publishing(request: Request, principal: Admin) -> Response:
    """The live version goes on as it was. Scope: `scorecards:admin`."""
    deps = services(request)
    if not await publish.cancel(deps.engine, by=principal.actor, now=deps.now()):
        raise ProblemError(CONFLICT, "Nothing is being built.")
    return Response(status_code=204)


@router.get(
    "/{version}",
    operation_id="get_scorecard",
    summary="Get a scorecard version",
    response_class=Response,
    responses=answers(Scorecard, NOT_FOUND, INVALID_REQUEST) | UNCHANGED,
    openapi_extra=IF_NONE_MATCH,
)
async def get_scorecard(request: Request, reader: Reader, version: VersionNumber) -> Response:
    """The version with its document. Scope: `customers:read` or `scorecards:admin`."""
    deps = services(request)

    async def make() -> Scorecard:
        stored = await publish.find(deps.engine, version)
        if stored is None:
            raise not_found("scorecard version")
        return await deps.aside(_response, stored)

    return await deps.representations.answer(request.scope, SCORECARDS, reader.id, make)


@router.post(
    "/{version}/publish",
    operation_id="publish_scorecard",
    summary="Publish a version",
    status_code=202,
    responses=answers(Publication, NOT_FOUND, CONFLICT, SHIP_GATE, *BODIES, status=202),
    openapi_extra=documented(ScorecardPublishVersion, optional=True),
)
async def publish_scorecard(
    request: Request,
    principal: Admin,
    version: VersionNumber,
    body: Annotated[ScorecardPublishVersion, body_of(ScorecardPublishVersion, optional=True)],
) -> Publication:
    """All customers are scored anew from the archive while the live version serves; then it takes
    over, at one place of the log, without a restart. Alerts that are open stay open; what the new
    version sees differently raises none.

    A fitted model must have passed the ship gate in a run of the lab, unless `override_reason` says
    why it goes live all the same. `GET /v1/scorecards/status` tells how far it is. Former versions
    may be published again. Scope: `scorecards:admin`.
    """
    deps = services(request)
    outcome = await publish.publish(
        deps.engine,
        version,
        by=principal.actor,
        now=deps.now(),
        with_gaps=body.with_gaps,
        override_reason=body.override_reason,
    )
    return await publication_of(request, outcome)


def _looked_through(body: ScorecardCreate) -> ScorecardCheck:
    document = _checked(body)
    return ScorecardCheck.model_validate(
        {
            "name": str(load(document)["name"]),
            "doubts": [{"pointer": d.pointer, "detail": d.detail} for d in doubts(document)],
        }
    )


def _checked(body: ScorecardCreate) -> str:
    """The document as text. Raises ProblemError with everything that is wrong in it."""
    try:
        document = _text(body.document)
    except YamlFault as error:
        raise invalid(
            RequestFault(pointer=f"/document{error.pointer}", detail=error.detail)
        ) from error
    problems = faults(document)
    if problems:
        raise invalid(
            *(RequestFault(pointer=f"/document{f.pointer}", detail=f.detail) for f in problems)
        )
    return document


def _text(document: str | dict[str, Any]) -> str:
    """The document as YAML. Raises YamlFault."""
    if isinstance(document, str):
        return document
    yaml_text.check(document)
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


def _response(version: Version) -> Scorecard:
    document = version.document or default_document()
    return Scorecard(
        **ScorecardVersion.model_validate(version).model_dump(),
        document=load(document),
        source=document,
        reference=None if version.frozen is None else load(version.frozen)["reference"],
    )
