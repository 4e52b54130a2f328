"""The commands `scorecard validate`, `diff`, `list` and `status`, which change nothing."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import typer

from healthsvc.cli.errors import FAILED
from healthsvc.cli.options import AsJson, configured
from healthsvc.cli.scorecard.documents import File, FileOrVersion, documents_of, read
from healthsvc.cli.scorecard.publishing import percent_of
from healthsvc.wire.scorecards import diff as scorecard_diff
from healthsvc.wire.scorecards.faults import ScorecardFault, doubts, faults
from healthsvc.wiring.database import any_database
from healthsvc.wiring.scorecards import scorecard_status, scorecard_versions


def validate(file: File, as_json: AsJson = False) -> None:
    """Validate a scorecard: print every fault with its place. Needs no database; ends with 1 if it
    can't be published."""
    document = read(file)
    problems = faults(document)
    slips = [] if problems else doubts(document)
    if as_json:
        typer.echo(
            json.dumps(
                {"valid": not problems, "errors": _as_data(problems), "doubts": _as_data(slips)}
            )
        )
    else:
        for fault in problems:
            typer.echo(f"{fault.pointer or '/'}: {fault.detail}")
        for slip in slips:
            typer.echo(f"{slip.pointer}: {slip.detail} (it may be published all the same)")
        if not problems:
            typer.echo(f"{file} can be published.")
    raise typer.Exit(FAILED if problems else 0)


def diff(before: FileOrVersion, after: FileOrVersion, as_json: AsJson = False) -> None:
    """Compare two scorecards, measures and flags by name."""
    with configured() as settings:
        documents = documents_of(settings, [before, after])
    changes = scorecard_diff.changes(*documents)
    if as_json:
        answer = [
            {"path": c.path, "before": c.before, "after": c.after, "scores": c.scores}
            for c in changes
        ]
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    for change in changes:
        note = "" if change.scores else "  (in words alone)"
        typer.echo(f"{change.path}: {_short(change.before)} → {_short(change.after)}{note}")
    if not changes:
        typer.echo("They are the same.")


def list_versions(as_json: AsJson = False) -> None:
    """List the versions, newest first."""
    with configured() as settings, any_database(settings) as url:
        versions = asyncio.run(scorecard_versions(url, settings))
    if as_json:
        answer = [
            {
                "version": v.version,
                "name": v.name,
                "state": v.state,
                "created_at": v.created_at.isoformat(),
            }
            | {"override_reason": v.override_reason}
            for v in versions
        ]
        typer.echo(json.dumps(answer))
        return
    for v in versions:
        origin = f"(kept {v.created_at:%Y-%m-%d %H:%M} by {v.created_by})"
        typer.echo(
            f"{v.version:>5}  {v.state:<9} {v.name}  {origin}{_overridden(v.override_reason)}"
        )


def status(as_json: AsJson = False) -> None:
    """Show what is live, what is being built, and which measures no event has fed in 30 days."""
    with configured() as settings, any_database(settings) as url:
        publications, measures = asyncio.run(scorecard_status(url, settings))
    live = next(p for p in publications if p.state == "live")
    building = next(
        (p for p in publications if p.state == "building" and p.reason != "shadow"), None
    )
    shadow = next((p.version for p in publications if p.stands == "shadow"), None)
    unfed = [m.measure for m in measures if not m.fed]
    if as_json:
        progress = (
            None
            if building is None
            else {"version": building.version, "percent": percent_of(building)}
        )
        typer.echo(
            json.dumps(
                {
                    "live_version": live.version,
                    "building": progress,
                    "shadow": shadow,
                    "unfed": unfed,
                }
            )
        )
        return
    typer.echo(f"Version {live.version} is live.")
    if building is not None:
        typer.echo(
            f"Version {building.version} is being built: {building.phase},"
            f" {percent_of(building)} %."
        )
    if shadow is not None:
        typer.echo(f"Version {shadow} is in shadow: `healthsvc scorecard shadow` shows it.")
    for failed in [p for p in publications if p.failure is not None][:1]:
        typer.echo(f"Version {failed.version} was given up: {failed.failure}")
    typer.echo(
        f"Not fed in 30 days: {', '.join(unfed)}"
        if unfed
        else "Each measure was fed in the last 30 days."
    )


def _as_data(problems: Sequence[ScorecardFault]) -> list[dict[str, str]]:
    return [{"pointer": f.pointer, "detail": f.detail} for f in problems]


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"


def _overridden(reason: str | None) -> str:
    return "" if reason is None else f"  against the ship gate: {reason}"
