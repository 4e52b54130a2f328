"""The command `portfolio`: what became of the customers of a period."""

import asyncio
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import typer

from healthsvc.cli.errors import refuse
from healthsvc.cli.options import AsJson, configured
from healthsvc.wire.rest.portfolio import Measured, Portfolio, PortfolioPart, as_csv, to_response
from healthsvc.wiring.database import any_database
from healthsvc.wiring.portfolio import portfolio as portfolio_of

DAYS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
UNITS: Final = {
    "nps": (1.0, ""),
    "ces": (1.0, ""),
    "hours_to_first_answer": (1.0, " h"),
    "hours_to_resolution": (1.0, " h"),
}
"""Factor and unit of measures that aren't shares."""


class By(StrEnum):
    """The attribute that groups customers."""

    SEGMENT = "segment"
    TIER = "tier"
    OWNER = "owner"


def portfolio(
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=DAYS, help="Start, in UTC.  [default: 30 days before the end]"
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=DAYS, help="End, in UTC, exclusive.  [default: now]"),
    ] = None,
    by: Annotated[By | None, typer.Option(help="Also show groups by this attribute.")] = None,
    as_csv_: Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the portfolio over a period: retention, churn, GRR, NRR, NPS, CSAT, CES, answers,
    adoption."""
    now = datetime.now(UTC)
    end = until.replace(tzinfo=UTC) if until else now
    start = since.replace(tzinfo=UTC) if since else end - timedelta(days=30)
    if not start < end <= now:
        refuse("--from must be before --to, and --to not in the future.")
    figures = _figures(start, end, by)
    if as_json:
        typer.echo(figures.model_dump_json(by_alias=True))
    elif as_csv_:
        typer.echo(as_csv(figures), nl=False)
    else:
        _show(figures)


def _figures(start: datetime, end: datetime, by: By | None) -> Portfolio:
    with configured() as settings, any_database(settings) as url:
        return to_response(
            asyncio.run(portfolio_of(url, settings, start, end, by.value if by else None))
        )


def _show(answer: Portfolio) -> None:
    typer.echo(
        f"{answer.start:%Y-%m-%d} to {answer.end:%Y-%m-%d}; in brackets the change against the"
        " period before"
    )
    if answer.kept_from is not None:
        typer.echo(
            f"Not all events logged before {answer.kept_from:%Y-%m-%d %H:%M} are kept; older"
            " periods have no figures."
        )
    for part in (answer.total, *answer.items):
        name = "All customers" if part is answer.total else part.group or "(none)"
        count = "-" if part.customers_at_start is None else part.customers_at_start
        typer.echo(f"\n{name}: {count} at the start, {part.lost or 0} lost")
        for measure, field in PortfolioPart.model_fields.items():
            if field.annotation is Measured:
                figure = _formatted(measure, getattr(part, measure))
                typer.echo(f"  {measure.replace('_', ' '):<22}{figure}")


def _formatted(measure: str, figure: Measured) -> str:
    factor, unit = UNITS.get(measure, (100.0, " %"))
    if figure.value is None:
        return "-"
    change = "" if figure.change is None else f"  ({figure.change * factor:+.1f})"
    return f"{figure.value * factor:.1f}{unit}{change}"
