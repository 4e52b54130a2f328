"""The commands `scorecard publish` and `rebuild`: a projection built from the archive takes
over."""

import asyncio
import json
from typing import Annotated

import typer

from healthsvc.cli.errors import FAILED, refuse
from healthsvc.cli.options import AsJson, WithGaps, configured
from healthsvc.cli.scorecard.documents import checked, progress_bar, read
from healthsvc.flows.projections.publish import (
    AnotherBuilding,
    Begun,
    GateRefusal,
    Live,
    PublishOutcome,
    Unknown,
)
from healthsvc.settings import Settings
from healthsvc.store.projections.publications import StoredPublication
from healthsvc.wiring.database import any_database
from healthsvc.wiring.scorecards import publish_scorecard, rebuild_projection, see_through


def publish(
    file: Annotated[
        str, typer.Argument(help="A file, or a version's number.", metavar="FILE|VERSION")
    ],
    with_gaps: WithGaps = False,
    override: Annotated[
        str | None,
        typer.Option(
            "--override",
            help="Publish a fitted model despite the ship gate, for this reason, which is stored.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish a scorecard: all customers are scored from the archive while the live version serves,
    then it takes over.

    A fitted model must have passed the ship gate in a run of the lab (POST /v1/lab/runs), or needs
    --override.

    Works on the service's database, whether the service runs or not; running workers change over by
    themselves.
    """
    version = int(file) if file.isdigit() else None
    document = None if version is not None else checked(read(file))
    with configured() as settings, any_database(settings) as url:
        outcome = asyncio.run(
            publish_scorecard(
                url, settings, document, version, with_gaps=with_gaps, override=override or None
            )
        )
        _follow(url, settings, outcome, as_json)


def rebuild(with_gaps: WithGaps = False, as_json: AsJson = False) -> None:
    """Rebuild the live version from the archive and switch to it: the same states, bit for bit.

    Useful as a proof, or after repairing data. The live version serves meanwhile; running workers
    change over by themselves.
    """
    with configured() as settings, any_database(settings) as url:
        outcome = asyncio.run(rebuild_projection(url, settings, with_gaps=with_gaps))
        _follow(url, settings, outcome, as_json)


def _follow(url: str, settings: Settings, outcome: PublishOutcome, as_json: bool) -> None:
    """Follow a building to its end, and do the work here if no service runs."""
    match outcome:
        case Unknown():
            refuse("There is no such version; `healthsvc scorecard list` shows them.")
        case Live():
            refuse("That version is live already; `healthsvc rebuild` builds it anew.")
        case AnotherBuilding():
            refuse(
                "Another version is being built or in shadow; wait for it, or cancel it by POST"
                " /v1/scorecards/cancel."
            )
        case GateRefusal():
            refuse(f"{outcome}. Publish it all the same with --override REASON.")
        case Begun(projection, version):
            with progress_bar("Folding", 100) as bar:
                publication = asyncio.run(
                    see_through(url, settings, projection, lambda p: bar(percent_of(p)))
                )
    if publication.failure is not None:
        refuse(publication.failure, FAILED)
    if as_json:
        typer.echo(
            json.dumps(
                {"version": version, "projection": projection, "positions": publication.positions}
            )
        )
    else:
        typer.echo(f"Version {version} is live; it took over after {publication.folded:,} events.")


def percent_of(publication: StoredPublication) -> int:
    if publication.state == "live":
        return 100
    return min(99, 100 * publication.folded // max(1, publication.events))
