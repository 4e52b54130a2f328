"""The command `alerts`."""

from typing import Annotated, Final

import typer

from healthsvc.cli.options import AsJson
from healthsvc.cli.reading.service import (
    Everything,
    Language,
    Limit,
    ServiceKey,
    ServiceUrl,
    Where,
    items,
    service,
    with_others,
)
from healthsvc.cli.reading.tables import Column, instant, print_json, print_rows, text
from healthsvc.wire.rest.alerts import Alert

COLUMNS: Final = (
    Column[Alert](title="Alert", text=lambda row: row.id),
    Column[Alert](title="About", text=lambda row: text(row.customer_id or row.scope)),
    Column[Alert](title="Severity", text=lambda row: row.severity),
    Column[Alert](title="State", text=lambda row: row.state),
    Column[Alert](title="Raised (UTC)", text=lambda row: instant(row.raised_at)),
    Column[Alert](title="Summary", text=lambda row: row.summary, may_wrap=True),
)


def alerts(
    state: Annotated[
        str | None, typer.Option(help="Only this state: open, acknowledged, resolved, …")
    ] = None,
    severity: Annotated[str | None, typer.Option(help="Only this severity.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as cancel_intent.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only about this customer.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only about customers of this owner.")] = None,
    sort: Annotated[str | None, typer.Option(help="Order: raised or rank.")] = None,
    where: Where = None,
    limit: Limit = 50,
    everything: Everything = False,
    as_json: AsJson = False,
    url: ServiceUrl = None,
    key: ServiceKey = None,
    language: Language = None,
) -> None:
    """List alerts of a running service, the last raised first."""
    query = {
        "state": state,
        "severity": severity,
        "kind": kind,
        "customer_id": customer,
        "owner": owner,
        "sort": sort,
    }
    with service(url, key, language) as client:
        rows = items(client.alerts, with_others(query, where), None if everything else limit)
    if as_json:
        print_json(rows)
    else:
        print_rows(COLUMNS, rows, "No alert matches.")
