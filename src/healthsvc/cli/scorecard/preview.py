"""The command `scorecard preview`."""

import asyncio
import json
from typing import Annotated, Final

import typer

from healthsvc.cli.options import AsJson, configured
from healthsvc.cli.scorecard.documents import File, checked, progress_bar, read
from healthsvc.flows.projections import preview as previews
from healthsvc.wiring.database import any_database
from healthsvc.wiring.scorecards import preview_scorecard

SHOWN: Final = 10


def preview(
    file: File,
    customers: Annotated[
        int, typer.Option(min=1, max=100_000, help="Number of customers in the sample.")
    ] = 200,
    as_json: AsJson = False,
) -> None:
    """Try a scorecard on a sample of customers from the archive. Changes nothing."""
    document = checked(read(file))
    with (
        configured() as settings,
        any_database(settings) as url,
        progress_bar("Scoring", customers) as bar,
    ):
        result = asyncio.run(preview_scorecard(url, settings, document, customers, bar))
    bands = [
        {"band": name, "now": now, "then": then} for name, now, then in previews.band_counts(result)
    ]
    moves = [
        {
            "customer_id": m.customer_id,
            "now": m.before,
            "then": m.after,
            "band_now": m.band_before,
            "band_then": m.band_after,
        }
        for m in result.moves[:SHOWN]
    ]
    if as_json:
        answer = {
            "customers": result.customers,
            "left_out": result.left_out,
            "bands": bands,
            "moved": moves,
        }
        typer.echo(json.dumps(answer | {"variants": result.variants, "unfed": result.unfed}))
        return
    typer.echo(f"{result.customers} customers, now → then:")
    for each in bands:
        typer.echo(f"  {each['band']:<22} {each['now']:>6} → {each['then']}")
    for m in result.moves[:SHOWN]:
        if abs(m.change) >= 1:
            typer.echo(f"  {m.customer_id}: {_score(m.before)} → {_score(m.after)}")
    for variant, count in result.variants.items():
        typer.echo(f"  judged by {variant}: {count}" + ("" if count else ", so it may be a slip"))
    if result.unfed:
        typer.echo(f"No event of theirs feeds: {', '.join(result.unfed)}")
    if result.left_out:
        typer.echo(
            f"{result.left_out} were left out: the archive doesn't have all of their events."
        )


def _score(score: float | None) -> str:
    return "no score" if score is None else f"{score:.0f}"
