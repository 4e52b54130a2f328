"""The command `explain`."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from healthsvc.cli.options import AsJson
from healthsvc.cli.reading.service import Language, ServiceKey, ServiceUrl, service
from healthsvc.cli.reading.tables import Column, instant, number, print_json, print_rows
from healthsvc.wire.rest.customers.explanations import Contribution, Explanation

FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
COLUMNS: Final = (
    Column[Contribution](title="Points", text=lambda row: number(row.points, 1), is_number=True),
    Column[Contribution](title="Best", text=lambda row: number(row.best, 1), is_number=True),
    Column[Contribution](title="Measure", text=lambda row: row.measure),
    Column[Contribution](title="Why", text=lambda row: row.why, may_wrap=True),
)


def explain(
    customer_id: Annotated[str, typer.Argument(help="The customer.", metavar="CUSTOMER")],
    at: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="As of this past instant, in UTC.")
    ] = None,
    as_json: AsJson = False,
    url: ServiceUrl = None,
    key: ServiceKey = None,
    language: Language = None,
) -> None:
    """Explain a customer's score: what puts how many points into it."""
    instant_asked = at.replace(tzinfo=UTC) if at else None
    with service(url, key, language) as client:
        explanation = client.explanation(customer_id, at=instant_asked)
    if as_json:
        print_json(explanation)
    else:
        _show(explanation)


def _show(explanation: Explanation) -> None:
    typer.echo(f"{explanation.sentence}\n")
    print_rows(COLUMNS, explanation.contributions, "Nothing is known that makes a score.")
    typer.echo(
        f"\nScore {number(explanation.score, 1)}, risk {number(explanation.risk, 2)}"
        f" ({explanation.risk_is}), as of {instant(explanation.evaluated_at)} UTC,"
        f" scorecard version {explanation.scorecard_version}"
    )
