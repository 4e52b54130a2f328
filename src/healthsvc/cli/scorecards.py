"""The commands `scorecard …` and `rebuild`: look a scorecard through, compare, try out, publish; fold the log anew."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from healthsvc import settings as configuration
from healthsvc import telemetry
from healthsvc.flows.projections import preview as previews
from healthsvc.flows.projections.publish import Begun, Busy, GateRefusal, Live, PublishOutcome, Unknown
from healthsvc.runtime.embedded import DataFolderInUseError, EmbeddedPostgresError
from healthsvc.settings import Settings, SettingsError
from healthsvc.store.projections.publications import Publication
from healthsvc.wire.scorecards import diff as scorecard_diff
from healthsvc.wire.scorecards.document import default_document
from healthsvc.wire.scorecards.faults import Fault, doubts, faults
from healthsvc.wiring.database import any_database
from healthsvc.wiring.scorecards import (
    preview_scorecard,
    publish_scorecard,
    rebuild_projection,
    scorecard_documents,
    scorecard_status,
    scorecard_versions,
    see_through,
)

EXIT_REFUSED: Final = 2
EXIT_FAILED: Final = 1
SHOWN: Final = 10

scorecards = typer.Typer(
    help="Scorecards: what the score is made of. FILE is YAML or JSON; schemas/scorecard.json describes it.",
    no_args_is_help=True,
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
WithGaps = Annotated[
    bool,
    typer.Option(
        "--with-gaps",
        help="Go on where the archive lacks events, instead of refusing: the result knows only what the archive has.",
    ),
]
File = Annotated[str, typer.Argument(help="A file; - is standard input.", metavar="FILE")]
Either = Annotated[str, typer.Argument(help="A file, a version's number, `live` or `default`.", metavar="FILE|VERSION")]

_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the main one."""
    app.add_typer(scorecards, name="scorecard")
    app.command("rebuild")(rebuild)


@scorecards.command()
def validate(file: File, as_json: AsJson = False) -> None:
    """Look a scorecard through: every fault with its place. Needs no database; ends with 1 if it can't be published."""
    document = read(file)
    found = faults(document)
    slips = [] if found else doubts(document)
    if as_json:
        typer.echo(json.dumps({"valid": not found, "errors": _told(found), "doubts": _told(slips)}))
    else:
        for fault in found:
            typer.echo(f"{fault.pointer or '/'}: {fault.detail}")
        for slip in slips:
            typer.echo(f"{slip.pointer}: {slip.detail} (it may be published all the same)")
        if not found:
            typer.echo(f"{file} can be published.")
    raise typer.Exit(EXIT_FAILED if found else 0)


@scorecards.command()
def diff(before: Either, after: Either, as_json: AsJson = False) -> None:
    """Compare two scorecards, measures and flags by name."""
    with surroundings() as chosen:
        documents = _documents(chosen, [before, after])
    found = scorecard_diff.changes(*documents)
    if as_json:
        shown = [{"path": c.path, "before": c.before, "after": c.after, "scores": c.scores} for c in found]
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    for change in found:
        note = "" if change.scores else "  (in words alone)"
        typer.echo(f"{change.path}: {_short(change.before)} → {_short(change.after)}{note}")
    if not found:
        typer.echo("They are the same.")


@scorecards.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """List the versions, newest first."""
    with surroundings() as chosen, any_database(chosen) as url:
        found = asyncio.run(scorecard_versions(url, chosen))
    if as_json:
        shown = [
            {"version": v.version, "name": v.name, "state": v.state, "created_at": v.created_at.isoformat()}
            | {"override_reason": v.override_reason}
            for v in found
        ]
        typer.echo(json.dumps(shown))
        return
    for v in found:
        kept = f"(kept {v.created_at:%Y-%m-%d %H:%M} by {v.created_by})"
        typer.echo(f"{v.version:>5}  {v.state:<9} {v.name}  {kept}{_overridden(v.override_reason)}")


@scorecards.command()
def status(as_json: AsJson = False) -> None:
    """Say what is live, what is being built, and which measures no event has fed in 30 days."""
    with surroundings() as chosen, any_database(chosen) as url:
        publications, measures = asyncio.run(scorecard_status(url, chosen))
    live = next(p for p in publications if p.state == "live")
    building = next((p for p in publications if p.state == "building" and p.reason != "shadow"), None)
    shadow = next((p.version for p in publications if p.stands == "shadow"), None)
    unfed = [m.measure for m in measures if not m.fed]
    if as_json:
        told = None if building is None else {"version": building.version, "percent": _percent(building)}
        typer.echo(json.dumps({"live_version": live.version, "building": told, "shadow": shadow, "unfed": unfed}))
        return
    typer.echo(f"Version {live.version} is live.")
    if building is not None:
        typer.echo(f"Version {building.version} is being built: {building.phase}, {_percent(building)} %.")
    if shadow is not None:
        typer.echo(f"Version {shadow} is in shadow: `healthsvc scorecard shadow` shows it.")
    for failed in [p for p in publications if p.failure is not None][:1]:
        typer.echo(f"Version {failed.version} was given up: {failed.failure}")
    typer.echo(f"Not fed in 30 days: {', '.join(unfed)}" if unfed else "Each measure was fed in the last 30 days.")


@scorecards.command()
def preview(
    file: File,
    customers: Annotated[int, typer.Option(min=1, max=100_000, help="How many customers to try it on.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Try a scorecard on a sample of the customers there are, from the archive. Changes nothing."""
    document = checked(read(file))
    with surroundings() as chosen, any_database(chosen) as url, _bar("Scoring", customers) as bar:
        found = asyncio.run(preview_scorecard(url, chosen, document, customers, bar))
    bands = [{"band": name, "now": now, "then": then} for name, now, then in previews.told_bands(found)]
    moved = [
        {
            "customer_id": m.customer_id,
            "now": m.before,
            "then": m.after,
            "band_now": m.band_before,
            "band_then": m.band_after,
        }
        for m in found.moved[:SHOWN]
    ]
    if as_json:
        shown = {"customers": found.customers, "left_out": found.left_out, "bands": bands, "moved": moved}
        typer.echo(json.dumps(shown | {"variants": found.variants, "unfed": found.unfed}))
        return
    typer.echo(f"{found.customers} customers, now → then:")
    for each in bands:
        typer.echo(f"  {each['band']:<22} {each['now']:>6} → {each['then']}")
    for m in found.moved[:SHOWN]:
        if abs(m.change) >= 1:
            typer.echo(f"  {m.customer_id}: {_score(m.before)} → {_score(m.after)}")
    for variant, count in found.variants.items():
        typer.echo(f"  judged by {variant}: {count}" + ("" if count else ", so it may be a slip"))
    if found.unfed:
        typer.echo(f"No event of theirs feeds: {', '.join(found.unfed)}")
    if found.left_out:
        typer.echo(f"{found.left_out} were left out: the archive doesn't have all of their events.")


@scorecards.command()
def publish(
    file: Annotated[str, typer.Argument(help="A file, or a version's number.", metavar="FILE|VERSION")],
    with_gaps: WithGaps = False,
    override: Annotated[
        str | None,
        typer.Option("--override", help="Why a fitted model goes live although the ship gate says no; kept."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish a scorecard: everybody is scored anew from the archive while the live version serves, then it takes over.

    A fitted model must have passed the ship gate in a run of the lab (POST /v1/lab/runs), or needs --override.

    Works on the service's database, whether the service runs or not; running workers change over by themselves.
    """
    version = int(file) if file.isdigit() else None
    document = None if version is not None else checked(read(file))
    with surroundings() as chosen, any_database(chosen) as url:
        outcome = asyncio.run(
            publish_scorecard(url, chosen, document, version, with_gaps=with_gaps, override=override or None)
        )
        _follow(url, chosen, outcome, as_json)


def rebuild(with_gaps: WithGaps = False, as_json: AsJson = False) -> None:
    """Fold the archive anew under the live scorecard and take over: the same states, bit for bit.

    For proof, or after repairing data. The live version serves meanwhile; running workers change over by themselves.
    """
    with surroundings() as chosen, any_database(chosen) as url:
        outcome = asyncio.run(rebuild_projection(url, chosen, with_gaps=with_gaps))
        _follow(url, chosen, outcome, as_json)


def _follow(url: str, chosen: Settings, outcome: PublishOutcome, as_json: bool) -> None:
    """See a building through to its end, doing the work ourselves if nobody else does."""
    match outcome:
        case Unknown():
            refuse("There is no such version; `healthsvc scorecard list` shows them.")
        case Live():
            refuse("That version is live already; `healthsvc rebuild` builds it anew.")
        case Busy():
            refuse(
                "Another version is being built or in shadow; wait for it, or cancel it by POST /v1/scorecards/cancel."
            )
        case GateRefusal():
            refuse(f"{outcome}. Publish it all the same with --override REASON.")
        case Begun(projection, version):
            with _bar("Folding", 100) as bar:
                done = asyncio.run(see_through(url, chosen, projection, lambda p: bar(_percent(p))))
    if done.failure is not None:
        refuse(done.failure, EXIT_FAILED)
    if as_json:
        typer.echo(json.dumps({"version": version, "projection": projection, "positions": done.positions}))
    else:
        typer.echo(f"Version {version} is live; it took over after {done.folded:,} events.")


def _percent(publication: Publication) -> int:
    if publication.state == "live":
        return 100
    return min(99, 100 * publication.folded // max(1, publication.events))


# Reading and speaking -------------------------------------------------------------------------------------------------


def read(file: str) -> str:
    try:
        return typer.get_text_stream("stdin").read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        refuse(f"{file} can't be read: {error}")


def checked(document: str) -> str:
    found = faults(document)
    for fault in found:
        typer.echo(f"{fault.pointer or '/'}: {fault.detail}", err=True)
    if found:
        raise typer.Exit(EXIT_FAILED)
    return document


def _documents(chosen: Settings, names: Sequence[str]) -> list[str]:
    kept = {n for n in names if n.isdigit() or n == "live"}
    found: dict[str, str | None] = {}
    if kept:
        with any_database(chosen) as url:
            found = asyncio.run(scorecard_documents(url, chosen, kept))
    documents: list[str] = []
    for name in names:
        document = default_document() if name == "default" else found[name] if name in kept else checked(read(name))
        if document is None:
            refuse(f"There is no version {name}; `healthsvc scorecard list` shows them.")
        documents.append(document)
    return documents


@contextmanager
def surroundings() -> Iterator[Settings]:
    """The configuration; what is wrong with it or with the surroundings is told in one line."""
    try:
        chosen = configuration.load()
        telemetry.configure_logging(level="warning", style=chosen.log_style)
        yield chosen
    except (SettingsError, DataFolderInUseError, EmbeddedPostgresError, OSError) as error:
        refuse(str(error))


@contextmanager
def _bar(what: str, total: int) -> Iterator[Any]:
    """A bar for people who watch; answers what moves it."""
    columns = (TextColumn(what), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    with Progress(*columns, console=_errors, transient=True, disable=not _errors.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _told(found: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"pointer": f.pointer, "detail": f.detail} for f in found]


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"


def _score(score: float | None) -> str:
    return "no score" if score is None else f"{score:.0f}"


def _overridden(reason: str | None) -> str:
    return "" if reason is None else f"  against the ship gate: {reason}"


def refuse(words: str, code: int = EXIT_REFUSED) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(code)
