"""The command `scorecard shadow`: scores a version beside the live one, shows it and ends it."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, assert_never

import typer

from healthsvc.cli.errors import FAILED, refuse
from healthsvc.cli.options import AsJson, WithGaps, configured
from healthsvc.cli.scorecard.documents import checked, read
from healthsvc.flows.projections.publish import AnotherBuilding, Begun, Live, Unknown
from healthsvc.flows.projections.shadow import Skill, Summary
from healthsvc.wiring.database import any_database
from healthsvc.wiring.shadows import begin_shadow, end_shadow, shadow_summary


def shadow(
    file: Annotated[
        str | None,
        typer.Argument(
            help="A file, or a version's number.  [default: show the current shadow]",
            metavar="FILE|VERSION",
        ),
    ] = None,
    end: Annotated[
        bool, typer.Option("--end", help="End the shadow and delete its results.")
    ] = False,
    with_gaps: WithGaps = False,
    as_json: AsJson = False,
) -> None:
    """Score a version beside the live one, without alerts, webhooks or history; or show how its
    scores compare.

    The running service builds it and keeps it up to date. `scorecard publish VERSION` lets it take
    over.
    """
    if file is not None:
        _begin(file, with_gaps=with_gaps)
        return
    with configured() as settings, any_database(settings) as url:
        if end:
            if not asyncio.run(end_shadow(url, settings)):
                refuse("There is no shadow.")
            typer.echo("The shadow is ended.")
            return
        summary = asyncio.run(shadow_summary(url, settings))
    if summary is None:
        refuse("There is no shadow; `healthsvc scorecard shadow FILE|VERSION` begins one.", FAILED)
    if as_json:
        typer.echo(json.dumps(asdict(summary), default=str, ensure_ascii=False))
    else:
        _tell(summary)


def _begin(file: str, *, with_gaps: bool) -> None:
    version = int(file) if file.isdigit() else None
    document = None if version is not None else checked(read(file))
    with configured() as settings, any_database(settings) as url:
        outcome = asyncio.run(begin_shadow(url, settings, document, version, with_gaps=with_gaps))
    match outcome:
        case Unknown():
            refuse("There is no such version; `healthsvc scorecard list` shows them.")
        case Live():
            refuse("That version is live.")
        case AnotherBuilding():
            refuse(
                "Another version is being built or in shadow; end it by `healthsvc scorecard shadow"
                " --end`."
            )
        case Begun(_, number):
            typer.echo(
                f"Version {number} is built as a shadow by the running service; `scorecard shadow`"
                " shows it."
            )
        case _:
            assert_never(outcome)


def _tell(summary: Summary) -> None:
    publication = summary.publication
    state = (
        "keeps up with the live version"
        if summary.ready
        else f"is being built: {publication.phase}"
    )
    typer.echo(
        f"Version {publication.version} {state}; {publication.folded:,} of {publication.events:,}"
        f" events, {summary.customers:,} customers."
    )
    for move in summary.moves:
        typer.echo(
            f"  {move.live or 'no band':<22} → {move.shadow or 'no band':<22} {move.customers:>7}"
        )
    for share in (summary.total, *summary.segments):
        name = share.segment or ("everybody" if share is summary.total else "no segment")
        healthy = (
            f"{_percent(share.healthy_live)} → {_percent(share.healthy_shadow)} in the best band"
        )
        typer.echo(f"  {name}: {share.changed:,} of {share.customers:,} change band, {healthy}")
    if summary.rank_agreement is not None:
        typer.echo(f"The risks rank alike by {summary.rank_agreement:.2f} (Spearman).")
    came = summary.outcomes
    if came.live is not None and came.shadow is not None:
        typer.echo(
            f"Of {came.rows:,} judgements whose {came.horizon_days:g} days are over, {came.left:,}"
            f" were followed by a cancellation: AUC live {_skill(came.live)}, shadow"
            f" {_skill(came.shadow)}."
        )
    else:
        typer.echo(f"No outcomes to judge by yet: the horizon is {came.horizon_days:g} days.")


def _skill(skill: Skill) -> str:
    return f"{skill.auc:.3f} ± {skill.auc_error:.3f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
