"""The answer about a publication, and the problem when one doesn't begin."""

from typing import assert_never

from fastapi import Request

from healthsvc.api.deps import services
from healthsvc.api.problem_types import CONFLICT, SHIP_GATE
from healthsvc.api.problems import ProblemError, RequestFault, not_found
from healthsvc.flows.projections import publish
from healthsvc.flows.projections.publish import (
    AnotherBuilding,
    Begun,
    GateRefusal,
    Live,
    PublishOutcome,
    Unknown,
)
from healthsvc.store.projections.publications import StoredPublication
from healthsvc.wire.rest.publications import (
    Publication,
)


async def publication_of(request: Request, outcome: PublishOutcome) -> Publication:
    match outcome:
        case Begun(projection, _):
            publications = await publish.progress(services(request).engine)
            return publication(next(p for p in publications if p.id == projection))
        case Unknown():
            raise not_found("scorecard version")
        case Live():
            raise ProblemError(
                CONFLICT,
                "The version is live already; to build it anew, POST /v1/scorecards/rebuild.",
            )
        case AnotherBuilding():
            raise ProblemError(
                CONFLICT,
                "Another version is being built or in shadow: publish that one, or POST"
                " /v1/scorecards/cancel.",
            )
        case GateRefusal(checks):
            failed = [RequestFault(pointer=check.name, detail=check.detail) for check in checks]
            raise ProblemError(SHIP_GATE, str(outcome), failed)
        case _:
            assert_never(outcome)


def publication(stored: StoredPublication) -> Publication:
    return Publication(
        projection=stored.id,
        version=stored.version,
        state=stored.stands,  # type: ignore[arg-type]  # the table's check says the same
        reason=stored.reason,  # type: ignore[arg-type]
        phase=stored.phase,
        folded=stored.folded,
        events=stored.events,
        with_gaps=stored.with_gaps,
        failure=stored.failure,
        requested_by=stored.requested_by,
        requested_at=stored.requested_at,
        live_at=stored.live_at,
        retired_at=stored.retired_at,
        positions=stored.positions,
    )
