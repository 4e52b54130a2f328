"""Publishing and rebuilding, and what is live."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Asked, Told, example, storable


class ScorecardPublish(Asked):
    """How to publish or rebuild."""

    model_config = example(with_gaps=False)

    with_gaps: Annotated[
        bool,
        Field(
            description=(
                "Where the archive lacks events that were counted: go on without them, instead of"
                " refusing. The new version then knows only what the archive still has, and what"
                " comes from now on."
            )
        ),
    ] = False


class ScorecardPublishVersion(ScorecardPublish):
    """How to publish a version."""

    model_config = example(with_gaps=False, override_reason=None)

    override_reason: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(storable)]
        | None,
        Field(
            description=(
                "Publish although the ship gate says no to the fitted model; kept with the version."
            )
        ),
    ] = None


PUBLICATION: JsonDict = {
    "projection": 3,
    "version": 2,
    "state": "building",
    "reason": "publish",
    "phase": "folding",
    "folded": 120000,
    "events": 500000,
    "with_gaps": False,
    "failure": None,
    "requested_by": "ops",
    "requested_at": "2026-11-20T09:00:00Z",
    "live_at": None,
    "retired_at": None,
    "positions": None,
}


class Publication(Told):
    """One publishing or rebuilding: how far it is, or where in the log it took over."""

    model_config = example(**PUBLICATION)

    projection: int
    version: int
    state: Annotated[
        Literal["building", "shadow", "live", "retired"],
        Field(description="shadow: scored beside the live version until it is published or ended."),
    ]
    reason: Literal["start", "publish", "rebuild", "shadow"]
    phase: Annotated[
        str,
        Field(
            description=(
                "waiting, indexing, folding, freezing (where the customers stand), deciding,"
                " beside, switching, done"
            )
        ),
    ]
    folded: Annotated[int, Field(description="Events that are in it.")]
    events: Annotated[int, Field(description="Events that the live version has by now.")]
    with_gaps: bool
    failure: Annotated[
        str | None, Field(description="Why it was given up; the former version stayed live.")
    ]
    requested_by: str
    requested_at: datetime
    live_at: datetime | None
    retired_at: datetime | None
    positions: Annotated[
        dict[str, dict[str, int]] | None,
        Field(
            description=(
                "Where it took over: by partition, events counted and the next offsets to be read."
            )
        ),
    ]


class MeasureFed(Told):
    """Whether a measure's events still come."""

    measure: str
    fed: Annotated[bool, Field(description="Some event has fed it in the last 30 days.")]
    last_event_at: Annotated[
        datetime | None, Field(description="Null: never fed. Where `fed`: at least so late.")
    ]


class ScorecardStatus(Told):
    """What is live, what is being built, and which measures no event has fed in 30 days."""

    model_config = example(
        live_version=1,
        building=PUBLICATION,
        publications=[PUBLICATION],
        unfed=["referrals"],
        measures=[
            {"measure": "sessions", "fed": True, "last_event_at": "2026-11-20T08:59:00Z"},
            {"measure": "referrals", "fed": False, "last_event_at": "2026-09-01T10:00:00Z"},
        ],
        customers_looked_at=4000,
        as_of="2026-11-20T09:00:00Z",
    )

    live_version: int
    building: Annotated[Publication | None, Field(description="About to take over, or a shadow.")]
    publications: list[Publication]
    unfed: list[str]
    measures: list[MeasureFed]
    customers_looked_at: Annotated[
        int,
        Field(
            description="No more than were needed to see that each measure is fed, at most 100,000."
        ),
    ]
    as_of: datetime
